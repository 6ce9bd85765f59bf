"""Lineage: from the columns of the delivered files, through every model, to the figures."""

from encours.lineage.trace import COLUMNS, Branch, Trace, trace

__all__ = ["COLUMNS", "Branch", "Trace", "trace"]
