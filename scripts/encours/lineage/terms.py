"""Words of lineage; those for ways are the subtypes of OpenLineage."""

from typing import Literal

Kind = Literal["value", "condition"]

ROWS = "*"
"""Stands for the rows of a table where a column is named."""

VALUES = ("identity", "transformation", "aggregation")
"""Ways in which a value goes into a value, the weakest first; every other way is a condition."""
