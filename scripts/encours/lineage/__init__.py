"""Lineage: from the columns of the delivered files, through every model, to the figures."""

from encours.lineage.graph import Branch
from encours.lineage.terms import Kind
from encours.lineage.trace import COLUMNS, Trace, trace

__all__ = ["COLUMNS", "Branch", "Kind", "Trace", "trace"]
