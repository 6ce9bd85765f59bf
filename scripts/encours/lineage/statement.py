"""What the columns of one query come from, read from its SQL.

Every column of a query has what its value is made of, and what decides that value: the tests of a
`case`, the filter of an aggregate, the key of a join that looks it up. The rows of a query, written
`*`, have what decides which there are and how many. A column that passes through keeps its value
whatever rows are left out, so it does not depend on them; an aggregate does.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope
from sqlglot.schema import MappingSchema

from encours.lineage.terms import ROWS, VALUES

DIALECT = "duckdb"


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
_Windows = dict[str, exp.Expr]
_NOTHING: Origins = frozenset()


def columns_of(sql: str, schema: MappingSchema) -> dict[str, Origins]:
    """The origins of every column of a query, and of its rows under `*`.

    Args:
        sql: A query of DuckDB.
        schema: The columns of the tables that it reads.

    Raises:
        sqlglot.errors.SqlglotError: It cannot be read, or reads a column that is not there.
    """
    tree = qualify(
        parse_one(sql, dialect=DIALECT), schema=schema, dialect=DIALECT, quote_identifiers=False
    )
    root = build_scope(tree)
    if root is None:
        raise SqlglotError("it is no query")
    reading = _Reading()
    found = {name: reading.column(root, name) for name in _names(root)}
    return found | {ROWS: reading.rows(root)}


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
            return _joined(
                self.column(each, _names(each)[place]) for each in scope.set_operation_scopes
            )
        if isinstance(scope.expression, exp.Values):
            return _NOTHING
        projection = next(each for each in _select(scope) if each.alias_or_name == name)
        return self._expression(scope, projection)

    def _expression(self, scope: Scope, expression: exp.Expr) -> Origins:
        windows = _named_windows(scope.expression)
        uses = list(_uses(expression, "identity", windows))
        found = self._resolved(scope, uses) | self._looked_up(scope, uses)
        if _is_aggregate(expression):
            groups = _groups(scope.expression)
            found |= self._input_rows(scope)
            found |= self._resolved(scope, groups) | self._looked_up(scope, groups)
        if expression.find(exp.Window):
            found |= self.rows(scope)
        return found

    def _looked_up(
        self, scope: Scope, uses: Iterable[_Use], seen: frozenset[str] = frozenset()
    ) -> Origins:
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
        if isinstance(select, exp.Values):
            return _NOTHING
        windows = _named_windows(select)
        uses = [
            use
            for part in ("having", "qualify")
            for use in _uses(select.args.get(part), "filter", windows)
        ]
        if select.args.get("distinct"):
            uses += [use for each in _select(scope) for use in _uses(each, "group_by", windows)]
        for each in _select(scope):
            for unnest in each.find_all(exp.Unnest, exp.Explode):
                uses += _uses(unnest, "join", {})
        found = self._resolved(scope, uses) | self._looked_up(scope, uses)
        groups = _groups(select)
        is_one_row = not groups and any(map(_is_aggregate, _select(scope)))
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
    return [each.alias_or_name for each in _select(scope)]


def _select(scope: Scope) -> list[exp.Expr]:
    """The columns that a part of the query selects."""
    return list(_query(scope.expression).selects)


def _source(scope: Scope, name: str) -> exp.Table | Scope:
    """The table or part of the query that a name means, from the inside to the outside."""
    inside: Scope | None = scope
    while inside is not None:
        if name in inside.sources:
            return inside.sources[name]
        inside = inside.parent
    raise SqlglotError(f"it reads a column of {name or 'no table'}, which it does not name")


def _uses(node: exp.Expr | None, way: str, windows: _Windows) -> Iterator[_Use]:
    """Columns and subqueries of an expression, each with the way in which it is used.

    Args:
        node: The expression, if there is one.
        way: How the whole is used.
        windows: The windows that the query names.
    """
    if isinstance(node, exp.Column):
        yield _Use(node, way)
    elif isinstance(node, exp.Query):
        yield _Use(_query(node), way)
    elif node is not None:
        for part, own_way in _parts(node, windows):
            yield from _uses(part, _along(way, own_way), windows)


def _parts(node: exp.Expr, windows: _Windows) -> list[tuple[exp.Expr | None, str]]:
    """The parts of an expression, each with the way in which it is used there."""
    arguments = node.args
    own: tuple[exp.Expr | None, ...] = (node.this,)
    found: Iterable[tuple[exp.Expr | None, str]] = ()
    match node:
        case exp.Alias() | exp.Paren() | exp.Cast():
            way = "identity"
        case exp.Case():
            way = "conditional"
            found = [(each, "identity") for each in arguments["ifs"]]
            found += [(arguments.get("default"), "transformation")]
        case exp.If():
            way = "conditional"
            found = [(arguments.get(name), "transformation") for name in ("true", "false")]
        case exp.Filter():
            way = "identity"
            found = [(node.expression, "filter")]
        case exp.Window():
            way = "transformation"
            parts = [node, windows[node.alias]] if node.alias in windows else [node]
            found = [(each, "window") for part in parts for each in _window_columns(part)]
        case exp.Order():
            way = "identity"
            found = [(each, "sort") for each in node.expressions]
        case exp.ArgMax() | exp.ArgMin():
            way = "aggregation"
            found = [(node.expression, "sort")]
        case _:
            way = "aggregation" if isinstance(node, exp.AggFunc) else "transformation"
            own = tuple(node.iter_expressions())
    return [*((each, way) for each in own), *found]


def _window_columns(window: exp.Expr) -> list[exp.Expr]:
    order = window.args.get("order")
    return [*(window.args.get("partition_by") or []), *([order] if order is not None else [])]


def _along(way: str, own_way: str) -> str:
    """How a part of something is used that is itself used in a way."""
    if way not in VALUES or own_way not in VALUES:
        return own_way if way in VALUES else way
    return max(way, own_way, key=VALUES.index)


def _groups(select: exp.Expr) -> list[_Use]:
    """What the rows of a select are grouped by."""
    group = select.args.get("group")
    if group is None:
        return []
    if group.args.get("all"):
        parts = [each for each in _query(select).selects if not _is_aggregate(each)]
    else:
        parts = group.expressions
    return [use for part in parts for use in _uses(part, "group_by", {})]


def _aggregates(expression: exp.Expr) -> Iterator[exp.Expr]:
    """Aggregates that fold the rows of a group, not those over a window, nor in a subquery."""
    if isinstance(expression, exp.Query):
        return
    parts = list(expression.iter_expressions())
    if isinstance(expression, exp.Window):
        function = expression.this
        function = function.this if isinstance(function, exp.Filter) else function
        parts = [*function.iter_expressions(), *_window_columns(expression)]
    elif isinstance(expression, exp.AggFunc):
        yield expression
    for each in parts:
        yield from _aggregates(each)


def _is_aggregate(expression: exp.Expr) -> bool:
    return any(True for _ in _aggregates(expression))


def _query(query: exp.Expr) -> exp.Query:
    inside = query.unnest()
    if not isinstance(inside, exp.Query):
        raise TypeError(f"{inside.sql(DIALECT)} is no query")
    return inside


def _named_windows(select: exp.Expr) -> _Windows:
    return {window.name: window for window in select.args.get("windows") or []}


def _through(inner: Origins, way: str) -> Origins:
    """Origins of a column that is itself used in a way; rows stay rows."""
    return frozenset(
        origin if origin.column == ROWS else origin._replace(way=_along(way, origin.way))
        for origin in inner
    )


def _joined(parts: Iterable[Origins]) -> Origins:
    return frozenset(origin for part in parts for origin in part)
