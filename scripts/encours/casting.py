"""From text to the types of the contract: SQL that casts strictly and says what it refuses."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from encours.errors import DataError, UsageError
from encours.feeds import Column, Feed, Kind
from encours.lake import quoted
from encours.readers import LINE, Table, row_text
from encours.sources import ColumnMapping, FileSpec, Source, date_pattern

FIRST_YEAR, LAST_YEAR = 1900, 2200
ALL_ENTITIES = "ALL"
"""Stands for all entities together in the marts, so no entity can have this code."""

_TRUE = ("true", "t", "1", "yes", "y", "oui")
_FALSE = ("false", "f", "0", "no", "n", "non")
# No-break spaces pad the columns of French exports, and group the digits of their numbers.
_NO_BREAK = "\u00a0\u202f"
_BLANKS = " \t\r\n" + _NO_BREAK
_NUMBERS = (
    "DECIMAL",
    *(u + n + "INT" for u in ("", "U") for n in ("TINY", "SMALL", "BIG", "HUGE")),
)
_NUMBERS += ("INTEGER", "UINTEGER")
_EXACT_TYPES: dict[Kind, tuple[str, ...]] = {
    "varchar": (*_NUMBERS, "DATE", "TIMESTAMP", "BOOLEAN", "ENUM"),
    "date": ("DATE", "TIMESTAMP"),
    "decimal": _NUMBERS,
    "integer": _NUMBERS,
    "boolean": ("BOOLEAN",),
}
"""What an expression may give for a column; doubles never, since they are not exact."""


@dataclass(frozen=True)
class Formats:
    """How dates and numbers are written in a text."""

    date: str
    decimal: str
    thousands: str | None


@dataclass(frozen=True)
class Problem:
    """A condition that refuses a row; `reason` is SQL for a text."""

    condition: str
    label: str | None
    reason: str


@dataclass(frozen=True)
class Rows:
    """The rows that a file gives to a feed.

    `kept` is SQL for the rows that its `where` keeps, `cast` for the same with typed columns
    and the flag `_refused`, `problems` what refuses them, over the columns of `cast`.
    """

    kept: str
    cast: str
    problems: tuple[Problem, ...]


PLAIN_FORMATS = Formats("%Y-%m-%d", ".", None)
"""How constants are written in a source YAML, whatever the file holds."""


def create_view(
    connection: duckdb.DuckDBPyConnection, table: Table, spec: FileSpec, name: str
) -> None:
    """Create the view that SQL of the source sees: trimmed texts under the file's own names."""
    nulls = ", ".join(quoted(text) for text in dict.fromkeys(("", *spec.null_values)))
    named = [(f"c{place}", column) for place, column in enumerate(table.columns, 1) if column]
    # In two steps, since trimming is what costs most here and DuckDB would do it twice.
    trimmed = "".join(f", trim({text}, {quoted(_BLANKS)}) as {text}" for text, _ in named)
    columns = "".join(
        f", case when {text} not in ({nulls}) then {text} end as {identifier(column)}"
        for text, column in named
    )
    connection.execute(
        f"create view {name} as select {LINE}{columns} "
        f"from (select {LINE}{trimmed} from {table.name})"
    )


def rows_of(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    entry: int,
    feed: Feed,
    view: str,
) -> Rows:
    """Plan how the rows of a file become rows of a feed.

    Args:
        connection: Where the view is.
        source: The source.
        entry: Number of the entry in `files`, from 0.
        feed: The feed.
        view: From `create_view`.

    Raises:
        UsageError: An expression or a constant of the YAML cannot be used.
    """
    spec = source.files[entry]
    mapping = spec.feeds[feed.name]
    inside = ("files", entry, "feeds", feed.name)
    where = "true"
    if mapping.where is not None:
        where = _condition(connection, mapping.where, view, source.place(*inside, "where"))
    formats = Formats(spec.date_format, spec.decimal_separator, spec.thousands_separator)
    mapped = source.mapped(spec, feed)
    values, casts = [], []
    problems: list[Problem] = []
    for column in feed.columns:
        default = f"cast(null as {column.data_type})"
        if column.default is not None:
            default = _constant(connection, column, column.default, column.name)
        if column.name not in mapped:
            casts.append(f"{default} as {column.name}")
            continue
        origin = mapped[column.name]
        own = column.name in mapping.columns
        place = source.place(*(inside if own else ("defaults",)), column.name)
        expression, kind = _expression(connection, column, origin, view, place)
        value = f"value_{column.name}"
        values.append(f"{expression} as {value}")
        if kind == "VARCHAR":
            cast, found = _from_text(column, value, formats)
        else:
            cast, found = _from_value(column, value)
        if column.default is not None:
            cast = f"case when {value} is null then {default} else {cast} end"
        casts.append(f"{cast} as {column.name}")
        label = f"{column.name} <- {origin.origin}"
        found = [*found, *_rules(column, value)]
        problems += [Problem(condition, label, reason) for condition, reason in found]
    row = " or ".join(f"({problem.condition})" for problem in problems) or "false"
    for check in feed.checks:
        # Only where all casts are good: an amount that is no number is not also below zero.
        condition = f"not _miscast and not coalesce(({check.sql}), true)"
        problems.append(Problem(condition, None, quoted(check.reason)))
    checks = "".join(f" or not coalesce(({check.sql}), true)" for check in feed.checks)
    kept = f"select {LINE}, {', '.join(values)} from {view} where {where}"
    cast = (
        f"select *, _miscast{checks} as _refused from (select *, coalesce({row}, false) as "
        f"_miscast from (select *, {', '.join(casts)} from ({kept})))"
    )
    return Rows(kept, cast, tuple(problems))


@contextmanager
def naming_sql(source: Source, entry: int, feed: Feed, label: str) -> Iterator[None]:
    """Have failures of the SQL of a source name the YAML.

    Raises:
        DataError: An expression fails on the data, as a cast of a text that is no number does.
    """
    try:
        yield
    except (duckdb.DataError, duckdb.InvalidInputException) as error:
        place = source.place("files", entry, "feeds", feed.name)
        raise DataError(
            f"{label}: the SQL of {place} fails on a row: {str(error).strip().splitlines()[0]}\n"
            "  Use try_cast in the expression, or leave the row out by where."
        ) from error


def identifier(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def _expression(
    connection: duckdb.DuckDBPyConnection,
    column: Column,
    origin: ColumnMapping,
    view: str,
    place: str,
) -> tuple[str, str]:
    """SQL for the value of a column before it is cast, and its type."""
    if origin.value is not None:
        return _constant(connection, column, origin.value, place), column.data_type
    if origin.sql is None:
        return identifier(origin.origin), "VARCHAR"
    kind = _type_of(connection, origin.sql, view, place)
    expression = f"(\n{origin.sql}\n)"
    if kind == "VARCHAR":
        return f"nullif(trim({expression}, {quoted(_BLANKS)}), '')", kind
    _check_type(column, kind, origin.sql, place)
    return expression, kind


def _constant(connection: duckdb.DuckDBPyConnection, column: Column, text: str, place: str) -> str:
    """SQL for a constant of the type of the column."""
    cast, problems = _from_text(column, "text", PLAIN_FORMATS)
    problems = [*problems, *_rules(column, "text")]
    for condition, reason in problems:
        found = connection.execute(
            f"select {reason} from (select *, {cast} as {column.name} from "
            f"(select cast({quoted(text)} as varchar) as text)) where {condition}"
        ).fetchone()
        if found:
            raise UsageError(
                f"{place}: {found[0]}. Constants are written with dates as 2026-12-31 and a "
                "decimal point, whatever the file holds."
            )
    # The text itself, cast like any other: it passed, so nothing of it is lost.
    return f"(select {cast} from (select cast({quoted(text)} as varchar) as text))"


def _condition(connection: duckdb.DuckDBPyConnection, sql: str, view: str, place: str) -> str:
    """SQL for a `where`, which keeps no row for which it is null."""
    kind = _type_of(connection, sql, view, place)
    if kind != "BOOLEAN":
        raise UsageError(f"{place}: gives {kind}, not true or false: {sql}")
    return f"coalesce((\n{sql}\n), false)"


def _type_of(connection: duckdb.DuckDBPyConnection, sql: str, view: str, place: str) -> str:
    """Type of an expression over the columns of a file, as DuckDB works it out."""
    query = f"select (\n{sql}\n) as value from {view}"
    try:
        statements = duckdb.extract_statements(query)
        if len(statements) != 1:
            raise UsageError(f"{place}: must be one SQL expression, not several statements: {sql}")
        described = connection.execute(f"describe {query}").fetchall()
    except duckdb.Error as error:
        raise UsageError(
            f"{place}: this SQL does not work: {sql}\n  {str(error).strip().splitlines()[0]}"
        ) from error
    return str(described[0][1])


def _check_type(column: Column, kind: str, sql: str, place: str) -> None:
    if kind.startswith(_EXACT_TYPES[column.kind]):
        return
    advice = f"Cast it to {column.data_type} in the expression."
    if kind in ("DOUBLE", "FLOAT"):
        advice = f"That is not exact. {advice}"
    raise UsageError(f"{place}: gives {kind} for {column.name}: {sql}\n  {advice}")


def _from_value(column: Column, value: str) -> tuple[str, list[tuple[str, str]]]:
    """Cast of a typed value, and what refuses it: nothing may be lost in the cast."""
    if column.kind == "varchar":
        cast = _cased(column, f"cast({value} as varchar)")
    else:
        cast = f"try_cast({value} as {column.data_type})"
    problems = []
    if column.kind != "varchar":
        shown = f"left(cast({value} as varchar), 80)"
        problems.append(
            (
                f"{value} is not null and ({column.name} is null or {column.name} <> {value})",
                f"{shown} || {quoted(f' does not fit {column.data_type}')}",
            )
        )
    return cast, problems


def _from_text(column: Column, text: str, formats: Formats) -> tuple[str, list[tuple[str, str]]]:
    """Cast of a text, and what refuses it with the reason."""
    shown = f"'''' || left({text}, 80) || ''''"
    if column.kind == "varchar":
        return _cased(column, text), []
    if column.kind == "date":
        return _date_from_text(column.name, text, shown, formats)
    if column.kind == "boolean":
        true, false = (", ".join(map(quoted, words)) for words in (_TRUE, _FALSE))
        cast = (
            f"case when lower({text}) in ({true}) then true "
            f"when lower({text}) in ({false}) then false end"
        )
        reason = f"{shown} || ' is neither true nor false'"
        return cast, [(f"{text} is not null and {column.name} is null", reason)]
    return _number_from_text(column, text, shown, formats)


def _date_from_text(
    name: str, text: str, shown: str, formats: Formats
) -> tuple[str, list[tuple[str, str]]]:
    cast = (
        f"case when regexp_full_match({text}, {quoted(date_pattern(formats.date))}) "
        f"then cast(try_strptime({text}, {quoted(formats.date)}) as date) end"
    )
    reason = quoted(f" is not a date written as {formats.date}")
    return cast, [(f"{text} is not null and {name} is null", f"{shown} || {reason}")]


def _number_from_text(
    column: Column, text: str, shown: str, formats: Formats
) -> tuple[str, list[tuple[str, str]]]:
    whole = "[0-9]+"
    plain = text
    if formats.thousands:
        characters = formats.thousands
        if characters == " ":
            characters += _NO_BREAK
        group = "".join(f"\\x{{{ord(character):04x}}}" for character in characters)
        whole = f"(?:[0-9]+|[0-9]{{1,3}}(?:[{group}][0-9]{{3}})+)"
        plain = f"translate({plain}, {quoted(characters)}, '')"
    point = f"[{formats.decimal}]"
    if formats.decimal != ".":
        plain = f"replace({plain}, {quoted(formats.decimal)}, '.')"
    number = f"[+-]?(?:{whole}(?:{point}[0-9]+)?|{point}[0-9]+)"
    # Decimals beyond those the column keeps must be zeros, else the cast would round.
    kept = f"{point}[0-9]{{1,{column.scale}}}0*" if column.scale else f"{point}0+"
    exact = f"[+-]?(?:{whole}(?:{kept})?|{kept})"
    cast = (
        f"case when regexp_full_match({text}, {quoted(exact)}) "
        f"then try_cast({plain} as {column.data_type}) end"
    )
    if not column.scale:
        cast = cast.replace(f"try_cast({plain}", f"try_cast(split_part({plain}, '.', 1)")
    decimals = "decimals" if column.scale != 1 else "decimal"
    written = f" is not a number with {_separator_words(formats)}"
    reason = (
        f"{shown} || case when regexp_full_match({text}, {quoted(exact)}) "
        f"then {quoted(f' is too large for {column.data_type}')} "
        f"when regexp_full_match({text}, {quoted(number)}) "
        f"then {quoted(f' has more than {column.scale} {decimals}')} "
        f"else {quoted(written)} end"
    )
    return cast, [(f"{text} is not null and {column.name} is null", reason)]


def _separator_words(formats: Formats) -> str:
    words = "a decimal point" if formats.decimal == "." else "a decimal comma"
    if formats.thousands:
        shown = {" ": "spaces", ".": "points", ",": "commas"}
        words += f" and {shown.get(formats.thousands, formats.thousands)} between thousands"
    return words


def _cased(column: Column, text: str) -> str:
    if column.values:
        return f"lower({text})"
    if column.name.endswith("currency_code") or column.name == "country_code":
        return f"upper({text})"
    return text


def _rules(column: Column, value: str) -> Iterator[tuple[str, str]]:
    """What refuses a value that was cast, with the reason."""
    name = column.name
    if column.is_required and column.default is None:
        yield f"{value} is null", "'is empty, and every row needs it'"
    if column.values:
        listed = ", ".join(column.values)
        yield (
            f"{name} not in ({', '.join(map(quoted, column.values))})",
            f"'''' || left({name}, 80) || ''' is not one of ' || {quoted(listed)}",
        )
    if name.endswith("currency_code"):
        yield (
            f"not regexp_full_match({name}, '[A-Z]{{3}}')",
            f"'''' || left({name}, 80) || ''' is not a currency code of three letters'",
        )
    if name == "entity_code":
        yield (
            f"contains({name}, '|')",
            f"'''' || left({name}, 80) || ''' contains |, which separates the parts of keys'",
        )
        yield (
            f"upper({name}) = {quoted(ALL_ENTITIES)}",
            f"'''' || {name} || ''' stands for all entities together; give it another code'",
        )
    if column.kind == "date":
        years = f"{FIRST_YEAR} and {LAST_YEAR}"
        yield (
            f"year({name}) not between {years}",
            f"cast({name} as varchar) || ' is not a date between the years {years}'",
        )
    if name == "period_month":
        yield (
            f"day({name}) <> 1",
            f"cast({name} as varchar) || ' is not the first day of a month'",
        )


def refused_sql(rows: Rows, table: Table, spec: FileSpec, feed: Feed) -> str:
    """SQL for the refused rows: line, column_name, row_text, reason, feed; one row per reason."""
    found = ", ".join(
        f"case when {problem.condition} then {{'column_name': "
        f"{'cast(null as varchar)' if problem.label is None else quoted(problem.label)}, "
        f"'reason': {problem.reason}}} end"
        for problem in rows.problems
    )
    return (
        f"select line, found.column_name as column_name, {row_text(table, spec, table.name)} as "
        f"row_text, found.reason as reason, {quoted(feed.name)} as feed from (select {LINE} as "
        f"line, unnest([{found}]) as found from ({rows.cast}) where _refused) as refused "
        f"join {table.name} on {table.name}.{LINE} = refused.line where found is not null"
    )
