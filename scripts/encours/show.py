"""Read a KPI from what is published, for the terminal."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from encours.errors import UsageError
from encours.feeds import nearest
from encours.home import Home

GRAINS = ("day", "month", "quarter", "year")
_SLICE_TEXTS = ("period_grain", "entity_code", "segment_type", "segment_code", "currency_code")


@dataclass(frozen=True)
class Query:
    """What to show: a column of a KPI mart, and the slices of it; None shows all of them."""

    kpi: str
    entity: str | None = "ALL"
    segment_type: str = "all"
    segment_code: str | None = None
    grain: str = "month"


@dataclass(frozen=True)
class Answer:
    """A table of values, and what the KPI means in the words of the published column."""

    table: str
    description: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class Headline:
    """The figures of the group at the as-of date, in the reporting currency and in days."""

    as_of_date: date
    currency_code: str
    values: tuple[tuple[str, str, Any], ...]
    issues: tuple[tuple[str, int], ...]
    """Findings in the data by severity, the worst first."""


def kpi_names(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, str]]:
    """Every figure that can be shown, by name, with its table and column.

    A figure has the name of its column; with its table in front, `kpi_promises.kept_rate`; and the
    code that the catalogue gives it. A column of several tables is that of the table whose KPI code
    it is, else that of the shortest name.
    """
    columns = connection.execute(
        """
        select columns.table_name, columns.column_name
        from information_schema.columns as columns
        left join audit.kpi_catalogue as catalogue
            on columns.table_name = catalogue.mart and columns.column_name = catalogue.kpi_code
        where
            columns.table_schema = 'marts' and columns.table_name like 'kpi!_%' escape '!'
            and columns.data_type not in ('VARCHAR', 'DATE', 'BOOLEAN')
            and columns.column_name not like '%!_order' escape '!'
        order by catalogue.kpi_code is null, length(columns.table_name), columns.table_name
        """
    ).fetchall()
    codes = connection.execute(
        "select kpi_code, mart, column_name from audit.kpi_catalogue order by kpi_code"
    ).fetchall()
    names: dict[str, tuple[str, str]] = {}
    for table, column in columns:
        names.setdefault(str(column), (str(table), str(column)))
        names[f"{table}.{column}"] = (str(table), str(column))
    for code, table, column in codes:
        names[str(code)] = (str(table), str(column))
    return names


def _long_keys(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[list[str], list[str]]:
    """What tells the rows of one slice apart, such as the bucket, and what they are ordered by."""
    rows = connection.execute(
        "select column_name, data_type from information_schema.columns "
        "where table_schema = 'marts' and table_name = ? order by ordinal_position",
        [table],
    ).fetchall()
    # They stand between the columns of the slice and the figures.
    figures = [number for number, (_, kind) in enumerate(rows) if kind.startswith("DECIMAL")]
    heads = rows[: min(figures, default=len(rows))]
    keys = [name for name, kind in heads if kind == "VARCHAR" and name not in _SLICE_TEXTS]
    orders = [name for name, _ in rows if name.endswith("_order")]
    return keys, orders + keys


def show(home: Home, query: Query) -> Answer:
    """Look up one KPI by period, newest last.

    Raises:
        UsageError: Nothing is published, or there is no such KPI, entity, segment or grain.
    """
    with open_published(home) as connection:
        figures = kpi_names(connection)
        if query.kpi not in figures:
            raise UsageError(
                f"There is no KPI '{query.kpi}'. {nearest(query.kpi, figures)} "
                "See docs/kpi-catalogue.md or the columns of the tables marts.kpi_*."
            )
        table, figure = figures[query.kpi]
        known(connection, table, "period_grain", query.grain)
        known(connection, table, "segment_type", query.segment_type)
        if query.entity is not None:
            known(connection, table, "entity_code", query.entity)
        keys, orders = _long_keys(connection, table)
        conditions = ["period_grain = ?", "segment_type = ?"]
        values: list[Any] = [query.grain, query.segment_type]
        for column, value in (
            ("entity_code", query.entity),
            ("segment_code", query.segment_code),
        ):
            if value is not None:
                conditions.append(f"{column} = ?")
                values.append(value)
        cursor = connection.execute(
            f"select {', '.join(['period_start', 'as_of_date', 'entity_code', 'segment_code'])}, "
            f"{', '.join([*keys, figure])} "
            f"from marts.{table} where {' and '.join(conditions)} "
            f"order by {', '.join(['period_start', 'entity_code', 'segment_code', *orders])}",
            values,
        )
        names = tuple(column[0] for column in cursor.description or [])
        rows = tuple(cursor.fetchall())
        if not rows:
            raise UsageError(
                f"marts.{table} has no row for {query.segment_type} '{query.segment_code}' "
                f"of entity {query.entity or '(any)'}. See marts.dim_segment for the codes."
            )
        comment = connection.execute(
            "select comment from duckdb_columns() where schema_name = 'marts' "
            "and table_name = ? and column_name = ?",
            [table, figure],
        ).fetchone()
    description = str(comment[0]).split("\n")[0] if comment and comment[0] else ""
    return Answer(f"marts.{table}", description, names, rows)


def headline(home: Home) -> Headline:
    """The group's main figures at the as-of date.

    Raises:
        UsageError: Nothing is published.
    """
    with open_published(home) as connection:
        row = connection.execute(
            "select dso.as_of_date, dso.currency_code, dso.receivables_amount, "
            "dso.unallocated_amount, ageing.overdue_amount, ageing.overdue_rate, "
            "ageing.over_90_rate, dso.dso_rolling_3m_days, dso.dso_rolling_12m_days, "
            "dso.dso_countback_days, dso.theoretical_ratio "
            "from marts.kpi_dso as dso inner join marts.kpi_ageing as ageing "
            "using (period_grain, period_start, entity_code, segment_type, segment_code) "
            "where period_grain = 'month' and entity_code = 'ALL' and segment_type = 'all' "
            "order by period_start desc limit 1"
        ).fetchone()
        issues = connection.execute(
            "select severity, count(*) from audit.data_issues where is_open group by severity "
            "order by case severity when 'error' then 1 when 'warning' then 2 else 3 end"
        ).fetchall()
    assert row is not None
    labels = (
        ("Receivables", "amount"),
        ("of which unallocated credits", "amount"),
        ("of which overdue", "amount"),
        ("Overdue part of open invoices", "rate"),
        ("Overdue over 90 days, part of open invoices", "rate"),
        ("DSO over 3 months", "days"),
        ("DSO over 12 months", "days"),
        ("DSO by count-back", "days"),
        ("Real over theoretical receivables", "ratio"),
    )
    return Headline(
        row[0],
        row[1],
        tuple((label, kind, value) for (label, kind), value in zip(labels, row[2:], strict=True)),
        tuple((str(severity), int(count)) for severity, count in issues),
    )


def open_published(home: Home) -> duckdb.DuckDBPyConnection:
    """Open what is published, read-only.

    Raises:
        UsageError: Nothing is published.
    """
    path = home.published_database
    if not path.is_file():
        raise UsageError(
            f"{path}: nothing is published there. Run `encours run SOURCE.yml` or "
            "`encours demo` first, or give the folder with --home."
        )
    return duckdb.connect(str(path), read_only=True)


def known(connection: duckdb.DuckDBPyConnection, table: str, column: str, value: str) -> None:
    """Refuse a value that a column of a mart does not have.

    Raises:
        UsageError: It does not; the message names the nearest.
    """
    rows = connection.execute(f"select distinct {column} from marts.{table} order by 1").fetchall()
    values = [str(row[0]) for row in rows]
    if value not in values:
        raise UsageError(f"marts.{table} has no {column} '{value}'. {nearest(value, values)}")
