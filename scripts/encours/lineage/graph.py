"""Follow a published column back to the columns of the delivered files."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import duckdb

from encours.errors import UsageError
from encours.feeds import nearest
from encours.lineage.terms import ROWS, Kind

_LEAVES = ("feed", "file")


class Node(NamedTuple):
    """A column of a table or of a file; `*` stands for the rows."""

    type: str
    schema: str
    table: str
    column: str

    @property
    def place(self) -> str:
        """Table or file that it is in."""
        return (
            f"{self.table} of {self.schema}"
            if self.type == "file"
            else f"{self.schema}.{self.table}"
        )

    @property
    def label(self) -> str:
        """It in one line, for people."""
        name = "its rows" if self.column == ROWS else self.column
        if self.type == "file":
            return f"{self.place}: {name}"
        return f"{self.place}: rows" if self.column == ROWS else f"{self.place}.{self.column}"


class Step(NamedTuple):
    """One step back from a column: what it reads, as what, and how."""

    origin: Node
    kind: Kind
    transformations: str
    expression: str | None


@dataclass(frozen=True)
class Branch:
    """A column in a tree; `hidden` counts the steps back that are known and not shown."""

    node: Node
    step: Step | None
    children: tuple["Branch", ...] = ()
    is_repeated: bool = False
    hidden: int = 0


@dataclass(frozen=True)
class Reached:
    """A step on the way back from a column; `kind` is that of the whole way, not of this step."""

    depth: int
    node: Node
    step: Step
    kind: Kind


@dataclass(frozen=True)
class Graph:
    """The steps back from every column: values, then tests and filters, then keys and groups."""

    steps: Mapping[Node, Sequence[Step]]

    def back(self, node: Node) -> Sequence[Step]:
        """The steps back from a column."""
        return self.steps.get(node, ())

    def kinds(self, roots: Iterable[Node]) -> dict[Node, Kind]:
        """All that some columns are made of or decided by; as a value where any way says so."""
        found: dict[Node, Kind] = {}
        todo: deque[tuple[Node, Kind]] = deque((root, "value") for root in roots)
        while todo:
            node, kind = todo.popleft()
            for step in self.back(node):
                along: Kind = "value" if kind == step.kind == "value" else "condition"
                if found.get(step.origin) not in ("value", along):
                    found[step.origin] = along
                    todo.append((step.origin, along))
        return found

    def way_back(self, root: Node) -> list[Reached]:
        """Every step on the way back from a column, the nearest first."""
        kinds: dict[Node, Kind] = {root: "value", **self.kinds([root])}
        found, seen, todo = [], {root}, deque([(root, 1)])
        while todo:
            node, depth = todo.popleft()
            for step in self.back(node):
                along: Kind = "value" if kinds[node] == step.kind == "value" else "condition"
                found.append(Reached(depth, node, step, along))
                if step.origin not in seen:
                    seen.add(step.origin)
                    todo.append((step.origin, depth + 1))
        return found

    def tree(self, root: Node, depth: int | None = None, *, conditions: bool = False) -> Branch:
        """The way back as a tree in which each column is opened once, where it stands first.

        Args:
            root: The column.
            depth: How many steps back; None for all.
            conditions: All that decides a column, too. Without it, only a column that has no
                values, such as a count, is shown by what decides it, and that by its values.
        """
        return self._branch(root, None, depth, conditions, set())

    def _branch(
        self, node: Node, step: Step | None, depth: int | None, conditions: bool, seen: set[Node]
    ) -> Branch:
        steps = self.back(node)
        values = [each for each in steps if each.kind == "value"]
        is_deciding = step is not None and step.kind == "condition"
        shown = steps if conditions or not (values or is_deciding) else values
        if not steps:
            return Branch(node, step)
        if node in seen:
            return Branch(node, step, is_repeated=True)
        if depth == 0 or not shown:
            return Branch(node, step, hidden=len(steps))
        seen.add(node)
        further = None if depth is None else depth - 1
        children = tuple(
            self._branch(each.origin, each, further, conditions, seen) for each in shown
        )
        return Branch(node, step, children)


def load(connection: duckdb.DuckDBPyConnection) -> Graph:
    """Read the lineage that is published.

    Raises:
        UsageError: An earlier version published it, without lineage.
    """
    if not connection.execute(
        "select 1 from duckdb_tables() "
        "where schema_name = 'audit' and table_name = 'column_lineage'"
    ).fetchone():
        raise UsageError(
            "What is published has no lineage: an earlier version published it. "
            "Publish again: encours run SOURCE.yml"
        )
    rows = connection.execute(
        "select table_type, schema_name, table_name, column_name, upstream_type, "
        "upstream_schema_name, upstream_table_name, upstream_column_name, kind, transformations, "
        "source_expression from audit.column_lineage order by kind desc, "
        "not regexp_matches(transformations, 'conditional|filter'), transformations = 'rows', "
        "upstream_schema_name, upstream_table_name, upstream_column_name"
    ).fetchall()
    steps: dict[Node, list[Step]] = {}
    for row in rows:
        steps.setdefault(Node(*row[:4]), []).append(Step(Node(*row[4:8]), *row[8:]))
    return Graph(steps)


def find(
    published: Iterable[tuple[str, str, str]], figures: Mapping[str, tuple[str, str]], name: str
) -> Node:
    """The column that a name means.

    Args:
        published: Schema, table and name of every published column.
        figures: Names of figures, with table and column.
        name: One of them, or any published column as TABLE.COLUMN.

    Raises:
        UsageError: There is no such column.
    """
    columns = {f"{table}.{column}": (schema, table, column) for schema, table, column in published}
    by_name = columns | {".".join(place): place for place in columns.values()}
    by_name |= {figure: columns[".".join(place)] for figure, place in figures.items()}
    if name not in by_name:
        # Columns with their table are suggested only for what has one itself.
        similar = columns if "." in name else [key for key in figures if "." not in key]
        raise UsageError(
            f"There is no KPI or column '{name}'. {nearest(name, similar)} "
            "Give a code of audit.kpi_catalogue, or TABLE.COLUMN."
        )
    return Node("model", *by_name[name])


def leaves(kinds: Mapping[Node, Kind]) -> dict[Kind, list[Node]]:
    """Columns of feeds and files among what was reached, by kind."""
    found: dict[Kind, list[Node]] = {"value": [], "condition": []}
    for node, kind in sorted(kinds.items()):
        if node.type in _LEAVES:
            found[kind].append(node)
    return found
