"""Lineage: from the columns of the delivered files, through every model, to the figures."""
