"""What the columns of one query come from, read from its SQL.

Every column of a query has what its value is made of, and what decides that value: the tests of a
`case`, the filter of an aggregate, the key of a join that looks it up. The rows of a query, written
`*`, have what decides which there are and how many. A column that passes through keeps its value
whatever rows are left out, so it does not depend on them; an aggregate does.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope
from sqlglot.schema import MappingSchema

DIALECT = "duckdb"
ROWS = "*"
"""Stands for the rows of a table where a column is named."""

VALUES = ("identity", "transformation", "aggregation")
"""Ways in which a value goes into a value, the weakest first; names are those of OpenLineage."""


class Origin(NamedTuple):
    """A column of a table that a query reads, and the way in which it is used there."""

    schema: str
    table: str
    column: str
    way: str

    @property
    def is_value(self) -> bool:
        """Whether it goes into the value, and does not only decide it."""
        return self.way in VALUES


class _Use(NamedTuple):
    """A column, as an expression names it, and the way in which it is used there."""

    column: exp.Column | exp.Query
    way: str


Origins = frozenset[Origin]
_NOTHING: Origins = frozenset()


def columns_of(sql: str, schema: MappingSchema) -> dict[str, Origins]:
    """The origins of every column of a query, and of its rows under `*`.

    Args:
        sql: A query of DuckDB.
        schema: The columns of the tables that it reads.

    Raises:
        sqlglot.errors.SqlglotError: It cannot be read, or reads a column that is not there.
    """
    tree = exp.maybe_parse(sql, dialect=DIALECT)
    tree = qualify(tree, schema=schema, dialect=DIALECT, quote_identifiers=False)
    root = build_scope(tree)
    if root is None:
        raise ValueError("is no query")
    reading = _Reading()
    found = {name: reading.column(root, name) for name in _names(root)}
    return found | {ROWS: reading.rows(root)}


def columns_in(sql: str) -> list[str]:
    """Names of the columns that an expression or condition uses, in their order.

    Raises:
        sqlglot.errors.SqlglotError: It cannot be read.
    """
    tree = exp.maybe_parse(sql, dialect=DIALECT)
    return list(dict.fromkeys(column.name for column in tree.find_all(exp.Column)))


class _Reading:
    """Follows columns through the parts of one query; each part is looked at once."""

    def __init__(self) -> None:
        self._columns: dict[tuple[int, str], Origins] = {}
        self._rows: dict[int, Origins] = {}
        self._input: dict[int, Origins] = {}

    def column(self, scope: Scope, name: str) -> Origins:
        """Origins of a column of a part of the query."""
        key = (id(scope), name)
        if key not in self._columns:
            self._columns[key] = self._read_column(scope, name)
        return self._columns[key]

    def rows(self, scope: Scope) -> Origins:
        """What decides which rows a part of the query has."""
        if id(scope) not in self._rows:
            self._rows[id(scope)] = self._read_rows(scope)
        return self._rows[id(scope)]

    def _read_column(self, scope: Scope, name: str) -> Origins:
        if scope.set_operation_scopes:
            place = _names(scope).index(name)
            return _joined(self.column(each, _names(each)[place]) for each in scope.set_operation_scopes)
        projection = next(
            each for each in scope.expression.selects if each.alias_or_name == name
        )
        return self._expression(scope, projection)

    def _expression(self, scope: Scope, expression: exp.Expression) -> Origins:
        windows = _named_windows(scope.expression)
        uses = list(_uses(expression, "identity", windows))
        found = self._resolved(scope, uses) | self._looked_up(scope, uses)
        if any(True for _ in _aggregates(expression)):
            found |= self._input_rows(scope) | self._resolved(scope, _groups(scope.expression))
        if expression.find(exp.Window):
            found |= self.rows(scope)
        return found

    def _looked_up(self, scope: Scope, uses: Iterable[_Use], seen: frozenset[str] = frozenset()) -> Origins:
        """What decides which rows of a joined table stand beside those of the first."""
        joins = {join.alias_or_name: join for join in scope.expression.args.get("joins") or []}
        found = _NOTHING
        for name in {use.column.table for use in uses if isinstance(use.column, exp.Column)}:
            if name in joins and name not in seen:
                keys = list(_uses(joins[name].args.get("on"), "join", {}))
                found |= self._resolved(scope, keys) | self._rows_of(scope, name)
                found |= self._looked_up(scope, keys, seen | {name})
        return found

    def _read_rows(self, scope: Scope) -> Origins:
        if scope.set_operation_scopes:
            return _joined(self.rows(each) for each in scope.set_operation_scopes)
        select = scope.expression
        windows = _named_windows(select)
        uses = [
            use for part in ("having", "qualify") for use in _uses(select.args.get(part), "filter", windows)
        ]
        if select.args.get("distinct"):
            uses += [use for each in select.selects for use in _uses(each, "group_by", windows)]
        for each in select.selects:
            for unnest in each.find_all(exp.Unnest, exp.Explode):
                uses += _uses(unnest, "join", {})
        found = self._resolved(scope, uses) | self._looked_up(scope, uses)
        groups = _groups(select)
        is_one_row = not groups and any(True for each in select.selects for _ in _aggregates(each))
        if is_one_row:
            return found
        found |= self._input_rows(scope)
        return found | self._resolved(scope, groups) | self._looked_up(scope, groups)

    def _input_rows(self, scope: Scope) -> Origins:
        """What decides which rows a select reads, before it groups them.

        A left join takes no row away, and by the tests of grain adds none.
        """
        if id(scope) not in self._input:
            select = scope.expression
            found = _NOTHING
            origin = select.args.get("from_")
            if origin is not None:
                found |= self._rows_of(scope, origin.alias_or_name)
            for join in select.args.get("joins") or []:
                if join.side != "LEFT" or join.kind in ("SEMI", "ANTI"):
                    uses = list(_uses(join.args.get("on"), "join", {}))
                    found |= self._rows_of(scope, join.alias_or_name)
                    found |= self._resolved(scope, uses) | self._looked_up(scope, uses)
            where = list(_uses(select.args.get("where"), "filter", {}))
            found |= self._resolved(scope, where) | self._looked_up(scope, where)
            self._input[id(scope)] = found
        return self._input[id(scope)]

    def _rows_of(self, scope: Scope, name: str) -> Origins:
        source = scope.sources[name]
        if isinstance(source, Scope):
            return self.rows(source)
        if isinstance(source.this, exp.Func):
            return self._resolved(scope, _uses(source.this, "join", {}))
        return frozenset([Origin(source.db, source.name, ROWS, "rows")])

    def _resolved(self, scope: Scope, uses: Iterable[_Use]) -> Origins:
        found: set[Origin] = set()
        for column, way in uses:
            if isinstance(column, exp.Query):
                found |= self._subquery(scope, column, way)
                continue
            source = _source(scope, column.table)
            if source is None:
                continue
            if isinstance(source, Scope):
                found |= _through(self.column(source, column.name), way)
            elif isinstance(source.this, exp.Func):
                # A function that gives rows, such as a series of days: its arguments make them.
                found |= self._resolved(scope, _uses(source.this, way, {}))
            else:
                found.add(Origin(source.db, source.name, column.name, way))
        return frozenset(found)

    def _subquery(self, scope: Scope, query: exp.Query, way: str) -> Origins:
        inner = next(each for each in scope.subquery_scopes if each.expression is query)
        found = _joined(self.column(inner, name) for name in _names(inner))
        return _through(found, way) | self.rows(inner)


def _names(scope: Scope) -> list[str]:
    return [each.alias_or_name for each in scope.expression.selects]


def _source(scope: Scope, name: str) -> exp.Table | Scope | None:
    """The table or part of the query that a name means, from the inside to the outside."""
    inside: Scope | None = scope
    while inside is not None:
        if name in inside.sources:
            return inside.sources[name]
        inside = inside.parent
    return None


def _uses(node: exp.Expression | None, way: str, windows: dict[str, exp.Expression]) -> Iterator[_Use]:
    """Columns and subqueries of an expression, each with the way in which it is used."""
    if node is None:
        return
    stronger = way if way not in VALUES else _stronger(way, "transformation")
    match node:
        case exp.Column():
            yield _Use(node, way)
        case exp.Query():
            yield _Use(node.unnest(), way)
        case exp.Alias() | exp.Paren() | exp.Cast() | exp.TryCast():
            yield from _uses(node.this, way, windows)
        case exp.Case():
            yield from _uses(node.this, _weakest(way, "conditional"), windows)
            for each in node.args["ifs"]:
                yield from _uses(each, stronger, windows)
            yield from _uses(node.args.get("default"), stronger, windows)
        case exp.If():
            yield from _uses(node.this, _weakest(way, "conditional"), windows)
            yield from _uses(node.args.get("true"), stronger, windows)
            yield from _uses(node.args.get("false"), stronger, windows)
        case exp.Filter():
            yield from _uses(node.this, way, windows)
            yield from _uses(node.expression, _weakest(way, "filter"), windows)
        case exp.Window():
            yield from _uses(node.this, stronger, windows)
            named = windows.get(node.alias)
            for part in (node, named) if named is not None else (node,):
                for each in part.args.get("partition_by") or []:
                    yield from _uses(each, _weakest(way, "window"), windows)
                yield from _uses(part.args.get("order"), _weakest(way, "window"), windows)
        case exp.Order():
            for each in node.expressions:
                yield from _uses(each, _weakest(way, "sort"), windows)
            yield from _uses(node.this, way, windows)
        case exp.ArgMax() | exp.ArgMin():
            yield from _uses(node.this, _aggregated(way), windows)
            yield from _uses(node.expression, _weakest(way, "sort"), windows)
        case exp.AggFunc():
            for each in node.iter_expressions():
                yield from _uses(each, _aggregated(way), windows)
        case _:
            for each in node.iter_expressions():
                yield from _uses(each, stronger, windows)


def _groups(select: exp.Expression) -> list[_Use]:
    """What the rows of a select are grouped by."""
    group = select.args.get("group")
    if group is None:
        return []
    if group.args.get("all"):
        parts = [each for each in select.selects if not any(True for _ in _aggregates(each))]
    else:
        parts = group.expressions
    return [use for part in parts for use in _uses(part, "group_by", {})]


def _aggregates(expression: exp.Expression) -> Iterator[exp.Expression]:
    """Aggregates that fold the rows of a group, not those over a window, nor in a subquery."""
    if isinstance(expression, exp.Query):
        return
    if isinstance(expression, exp.Window):
        inside = expression.this
        inside = inside.this if isinstance(inside, exp.Filter) else inside
        parts = [*inside.iter_expressions(), *(expression.args.get("partition_by") or [])]
        order = expression.args.get("order")
        parts += [order] if order is not None else []
    else:
        if isinstance(expression, exp.AggFunc):
            yield expression
        parts = list(expression.iter_expressions())
    for each in parts:
        yield from _aggregates(each)


def _named_windows(select: exp.Expression) -> dict[str, exp.Expression]:
    return {window.name: window for window in select.args.get("windows") or []}


def _stronger(one: str, other: str) -> str:
    return max(one, other, key=VALUES.index)


def _aggregated(way: str) -> str:
    return "aggregation" if way in VALUES else way


def _weakest(way: str, condition: str) -> str:
    """The way of a condition inside something that is used in a way itself."""
    return condition if way in VALUES else way


def _through(inner: Origins, way: str) -> Origins:
    """Origins of a column that is itself used in a way."""
    if way not in VALUES:
        return frozenset(
            origin if origin.column == ROWS else origin._replace(way=way) for origin in inner
        )
    return frozenset(
        origin._replace(way=_stronger(way, origin.way)) if origin.is_value else origin
        for origin in inner
    )


def _joined(parts: Iterable[Origins]) -> Origins:
    return frozenset(origin for part in parts for origin in part)
