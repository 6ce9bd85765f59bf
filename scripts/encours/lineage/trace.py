"""The lineage of one published column, as it is printed."""

from collections.abc import Iterator
from dataclasses import dataclass

from encours.home import Home
from encours.lineage.graph import Graph, Node, find, leaves, load
from encours.lineage.page import render
from encours.lineage.terms import ROWS, Kind
from encours.show import kpi_names, open_published

COLUMNS = (
    "depth",
    "schema_name",
    "table_name",
    "column_name",
    "upstream_type",
    "upstream_schema_name",
    "upstream_table_name",
    "upstream_column_name",
    "kind",
    "transformations",
    "source_expression",
    "kind_of_way",
)
"""Columns of the rows of a trace; `kind_of_way` is `value` where all steps from the column are."""


@dataclass(frozen=True)
class Trace:
    """A column and everything behind it; `description` is that of the published column."""

    root: Node
    graph: Graph
    description: str
    run_id: str

    def rows(self, depth: int | None = None) -> Iterator[tuple[object, ...]]:
        """Every step back, the nearest first, as the values of `COLUMNS`."""
        for each in self.graph.way_back(self.root):
            if depth is None or each.depth <= depth:
                step = each.step
                yield (
                    each.depth,
                    *each.node[1:],
                    *step.origin,
                    step.kind,
                    step.transformations,
                    step.expression,
                    each.kind,
                )

    def feeds(self, kind: Kind) -> list[str]:
        """Columns of feeds that it is made of or decided by, a line per feed."""
        found: dict[str, list[str]] = {}
        for node in leaves(self.graph.kinds([self.root]))[kind]:
            # What every load adds to its rows tells versions of a row apart, in any feed.
            if node.type == "feed" and node.column != ROWS and not node.column.startswith("_"):
                found.setdefault(node.place, []).append(node.column)
        return [f"{place}: {', '.join(columns)}" for place, columns in found.items()]

    def page(self, depth: int | None = None) -> str:
        """It as one HTML page."""
        return render(self.root, self.graph, self.description, f"run {self.run_id}", depth)


def trace(home: Home, name: str) -> Trace:
    """Find a column and read what is behind it.

    Args:
        home: Home folder.
        name: A KPI, as `encours show` takes it, or any column as TABLE.COLUMN.

    Raises:
        UsageError: Nothing is published, or there is no such column.
    """
    with open_published(home) as connection:
        graph = load(connection)
        comments = connection.execute(
            "select schema_name, table_name, column_name, comment from duckdb_columns() "
            "where schema_name in ('marts', 'audit')"
        ).fetchall()
        described = {
            (schema, table, column): comment for schema, table, column, comment in comments
        }
        root = find(described, kpi_names(connection), name)
        run = connection.execute("select run_id from audit.runs where is_current").fetchone()
    description = described[root.schema, root.table, root.column] or ""
    return Trace(root, graph, description, str(run[0]) if run else "")
