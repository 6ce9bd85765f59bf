"""Restatements: what a closed period would say now, and the causes of every difference.

Computed after the models, from the frozen rows, the tables just built, and the lake as the closing
run knew it and as it is known now.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from encours import causes, closes
from encours.closes import Closing
from encours.errors import DataError
from encours.home import Home
from encours.lake import quoted
from encours.runs import Run

REPORTED = "marts.kpi_reported"
RESTATEMENTS = "audit.restatements"
TABLES = (REPORTED, RESTATEMENTS)

_KEYS = ("period_grain", "period_start", "entity_code", "segment_type", "segment_code")
# Two doubles that differ by less were computed in another order.
_TOLERANCE = 1e-9

_EVENT_COLUMNS = {
    "close_id": "varchar",
    "period": "varchar",
    "period_grain": "varchar",
    "period_start": "date",
    "period_end": "date",
    "entity_code": "varchar",
    "closed_at": "timestamp",
    "closed_by": "varchar",
    "run_id": "varchar",
    "row_count": "bigint",
    "tables_sha256": "varchar",
    "record_sha256": "varchar",
    "reopened_at": "timestamp",
    "reopened_by": "varchar",
    "reopen_reason": "varchar",
}
_REPORTED_COLUMNS = {
    "close_id": "varchar",
    "mart": "varchar",
    "kpi_code": "varchar",
    "period_grain": "varchar",
    "period_start": "date",
    "entity_code": "varchar",
    "segment_type": "varchar",
    "segment_code": "varchar",
    "companion_key": "varchar",
    "as_reported_value": "double",
    "as_known_now_value": "double",
    "difference": "double",
    "is_restated": "boolean",
}
_RESTATEMENT_COLUMNS = {
    **{name: kind for name, kind in _REPORTED_COLUMNS.items() if name != "is_restated"},
    "cause_number": "bigint",
    "cause_count": "bigint",
    "cause": "varchar",
    "feed": "varchar",
    "record_key": "varchar",
    "source_name": "varchar",
    "source_file": "varchar",
    "source_row": "bigint",
    "description": "varchar",
}


def register(connection: duckdb.DuckDBPyConnection, home: Home, run: Run) -> None:
    """Write what dbt reads of closed periods; figures and causes come once the tables are built."""
    connection.execute("create schema if not exists raw")
    for name, columns in (
        ("closes", _EVENT_COLUMNS),
        ("kpi_reported", _REPORTED_COLUMNS),
        ("restatements", _RESTATEMENT_COLUMNS),
    ):
        declared = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        connection.execute(f"create or replace table raw.{name} ({declared})")
    marks = ", ".join("?" * len(_EVENT_COLUMNS))
    for closing in closes.closings(home, run.known_at):
        event, reopening, period = closing.event, closing.reopening, closing.period
        connection.execute(
            f"insert into raw.closes values ({marks})",
            [
                event.event_id,
                event.period,
                period.grain,
                period.start,
                period.end,
                event.entity_code,
                event.moment,
                event.by,
                event.run_id,
                sum(table.rows for table in event.tables),
                json.dumps({table.table: table.table_sha256 for table in event.tables}),
                event.record_sha256,
                reopening.moment if reopening else None,
                reopening.by if reopening else None,
                reopening.reason if reopening else None,
            ],
        )


@dataclass(frozen=True)
class Mart:
    """A table of KPIs: its further keys, and its figures by column."""

    name: str
    companions: tuple[str, ...]
    kpis: dict[str, str]
    matured: frozenset[str]


def fill(
    connection: duckdb.DuckDBPyConnection, home: Home, run: Run, manifest: dict[str, Any]
) -> None:
    """Compare the closed periods with the tables just built, and find the causes.

    Periods that end after the as-of date of the run are not compared.

    Args:
        connection: The build database.
        home: Home folder.
        run: The run, with its as-of date.
        manifest: What dbt made of the project in this run.

    Raises:
        DataError: What was frozen cannot be read.
    """
    assert run.as_of_date is not None
    open_now = [
        closing
        for closing in closes.closings(home, run.known_at)
        if closing.reopening is None and closing.period.end <= run.as_of_date
    ]
    if not open_now:
        return
    marts = _marts(manifest, closes.kpi_tables(connection))
    for mart in marts:
        _compare(connection, home, open_now, mart)
    restated = connection.execute(
        "select distinct close_id from raw.kpi_reported where is_restated order by all"
    ).fetchall()
    causes.prepare(connection)
    concerned = {close_id for (close_id,) in restated}
    by_run: dict[str, list[Closing]] = {}
    for closing in open_now:
        if closing.event.event_id in concerned:
            by_run.setdefault(str(closing.event.run_id), []).append(closing)
    matured = sorted({code for mart in marts for code in mart.matured})
    for run_id, group in by_run.items():
        then = causes.closing_run(home, run_id)
        if then is not None:
            ids = [closing.event.event_id for closing in group]
            causes.find(home, causes.Search(connection, then, run, ids, manifest, matured))
    _list(connection, matured)
    for table in TABLES:
        connection.execute(f"insert into {table} by name from raw.{table.split('.')[1]}")


def count(home: Home) -> tuple[int, int]:
    """How many published figures of closed periods differ now, and how many without a cause."""
    with duckdb.connect(str(home.published_database), read_only=True) as connection:
        row = connection.execute(
            "select count(*), count(*) filter (where cause = 'unexplained') "
            f"from {RESTATEMENTS} where cause_number = 1"
        ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def _marts(manifest: dict[str, Any], tables: Sequence[str]) -> list[Mart]:
    nodes = manifest["nodes"]
    grains = {
        node["attached_node"]: node["test_metadata"]["kwargs"]["columns"]
        for node in nodes.values()
        if (node.get("test_metadata") or {}).get("name") == "unique_combination"
    }
    marts = []
    for unique_id, node in nodes.items():
        name = f"{node['schema']}.{node['name']}"
        if node["resource_type"] != "model" or name not in tables:
            continue
        meta = {column: declared.get("meta", {}) for column, declared in node["columns"].items()}
        kpis = {column: each["kpi"]["code"] for column, each in meta.items() if "kpi" in each}
        grain = grains[unique_id]
        companions = tuple(column for column in grain if column not in _KEYS)
        if not kpis:  # a companion of another table, whose figures have no code of their own
            kpis = {
                column: f"{node['name'].removeprefix('kpi_')}_{column}"
                for column, declared in node["columns"].items()
                if column not in grain and _is_figure(column, declared["data_type"])
            }
        matured = {each["kpi"]["code"] for each in meta.values() if _is_matured(each)}
        marts.append(Mart(node["name"], companions, kpis, frozenset(matured)))
    return marts


def _is_figure(column: str, data_type: str) -> bool:
    return data_type.startswith(("decimal", "double", "bigint")) and column != "days_in_period"


def _is_matured(meta: dict[str, Any]) -> bool:
    return bool(meta.get("kpi", {}).get("matured"))


def _compare(
    connection: duckdb.DuckDBPyConnection, home: Home, closed: Sequence[Closing], mart: Mart
) -> None:
    """Put each figure of the closed periods beside what it is now."""
    current = dict(_columns(connection, f"from marts.{mart.name}"))
    by_columns: dict[tuple[str, ...], list[Closing]] = {}
    for closing in closed:
        path = _frozen(home, closing, mart)
        if path is not None:
            names = tuple(name for name, _ in _columns(connection, f"from read_parquet({path})"))
            by_columns.setdefault(names, []).append(closing)
    keys = [*_KEYS, *mart.companions]
    for names, group in by_columns.items():
        # A figure that a version before did not have was not reported.
        figures = {column: code for column, code in mart.kpis.items() if column in names}
        if not figures:
            continue
        paths = ", ".join(str(_frozen(home, closing, mart)) for closing in group)
        entries = ", ".join(
            f"{{'kpi_code': {quoted(code)}, 'then': cast(reported.{column} as double), "
            f"'now': cast(known.{column} as double), "
            f"'differs': {_differs(column, current[column])}}}"
            for column, code in figures.items()
        )
        joined = " and ".join(f"reported.{key} = known.{key}" for key in ("close_id", *keys))
        chosen = ", ".join(
            f"coalesce(reported.{key}, known.{key}) as {key}" for key in ("close_id", *_KEYS)
        )
        companions = " || '|' || ".join(
            f"coalesce(cast(coalesce(reported.{key}, known.{key}) as varchar), '')"
            for key in mart.companions
        )
        ids = ", ".join(quoted(closing.event.event_id) for closing in group)
        try:
            connection.execute(
                f"""
                insert into raw.kpi_reported
                with reported as (from read_parquet([{paths}])),
                known as (
                    select closes.close_id, now.*
                    from marts.{mart.name} as now
                    join raw.closes as closes on closes.close_id in ({ids})
                        and closes.period_grain = now.period_grain
                        and closes.period_start = now.period_start
                        and coalesce(closes.entity_code, now.entity_code) = now.entity_code
                ),
                cells as (
                    select {chosen}, {companions or "''"} as companion_key,
                        unnest([{entries}]) as figure
                    from reported full join known on {joined}
                )
                select close_id, {quoted(mart.name)}, figure.kpi_code, {", ".join(_KEYS)},
                    companion_key, figure.then, figure.now, figure.now - figure.then,
                    figure.differs
                from cells
                where figure.then is not null or figure.now is not null
                """
            )
        except duckdb.Error as error:
            raise DataError(
                f"{home.closes}: what was closed cannot be compared with marts.{mart.name}. "
                f"See what was changed with `encours verify`. ({error})"
            ) from error


def _frozen(home: Home, closing: Closing, mart: Mart) -> str | None:
    for table in closing.event.tables:
        if table.table == f"marts.{mart.name}":
            return quoted(str((home.closes / closing.event.event_id / table.path).resolve()))
    return None


def _differs(column: str, data_type: str) -> str:
    """Whether a figure differs: exactly for amounts and counts, but for rounding for doubles."""
    then, now = f"try_cast(reported.{column} as {data_type})", f"known.{column}"
    if data_type != "DOUBLE":
        return f"{then} is distinct from {now}"
    return (
        f"case when {then} is null or {now} is null then {then} is distinct from {now} "
        f"else abs({then} - {now}) > {_TOLERANCE} * greatest(abs({then}), abs({now})) end"
    )


def _columns(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in connection.execute(f"describe {sql}").fetchall()]


def _list(connection: duckdb.DuckDBPyConnection, matured: Sequence[str]) -> None:
    """List every restated figure with its causes, or as unexplained.

    What begins before everything else makes the histories of others longer: it is named where
    nothing else is.
    """
    waiting = ", ".join(map(quoted, matured)) or "''"
    names = [name for name in _RESTATEMENT_COLUMNS if name in causes.ROW]
    row = ", ".join(f"'{name}': {name}" for name in names)
    unexplained = ", ".join(
        f"'{name}': "
        + {
            "cause": "'unexplained'",
            "description": "'No row, rate, formula or seed that changed explains it.'",
        }.get(name, "null")
        for name in names
    )
    connection.execute(
        f"""
        insert into raw.restatements by name
        with of_kpis as (
            select close_id, mart, kpi_code, count(*) as total,
                list({{{row}}} order by cause, record_key) as named
            from kpi_causes
            group by all
        ),
        cells as (
            select close_id, mart, entity_code, segment_type, segment_code, waits,
                sum(total) as total, list_sort(flatten(list(named))) as named
            from cell_causes
            group by all
        ),
        found as (
            select restated.* exclude (is_restated),
                coalesce(of_kpis.total, 0) + coalesce(cells.total, 0) as total,
                list_concat(coalesce(of_kpis.named, []), coalesce(cells.named, [])) as named,
                first_causes.total as first_total,
                first_causes.named as first_named
            from raw.kpi_reported as restated
            left join of_kpis using (close_id, mart, kpi_code)
            left join cells
                on restated.close_id = cells.close_id and restated.mart = cells.mart
                and restated.entity_code = cells.entity_code
                and restated.segment_type = cells.segment_type
                and restated.segment_code = cells.segment_code
                and cells.waits = (restated.kpi_code in ({waiting}))
            left join first_causes
                on restated.close_id = first_causes.close_id
                and restated.mart = first_causes.mart
            where restated.is_restated
        ),
        named as (
            select found.* exclude (total, named, first_total, first_named),
                case when total > 0 then total else coalesce(first_total, 1) end as cause_count,
                case when total > 0 then named else coalesce(first_named, [{{{unexplained}}}])
                end as causes
            from found
        )
        select named.* exclude (causes),
            unnest(range(1, 1 + least(len(causes), {causes.NAMED}))) as cause_number,
            unnest(causes[:{causes.NAMED}], recursive := true)
        from named
        """
    )
