"""Causes: which rows, rates, formulas and seeds made a figure of a closed period another one.

A row is a cause of a cell if its feed reaches the table, if it has the entity and the segment of
the cell, then or now, and if it takes effect by the day of the cell.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from encours import runs
from encours.changed_rows import changed_feeds, find_changed_rows
from encours.feeds import load_contract
from encours.home import Home
from encours.lake import quoted
from encours.runs import Run

Manifest = Mapping[str, Any]

# The ledger reads these feeds beside amounts: what is disputed, which currencies need a rate. That
# is no way for them to a figure.
_BESIDE = {
    "disputes": {"int_item_history"},
    "credit_limits": {"int_fx_factors", "int_fx_quotes"},
    "credit_insurance": {"int_fx_factors", "int_fx_quotes"},
}

NAMED = 50  # causes named per figure; the count has all

# What is said of a cause.
ROW = {
    "cause": "varchar",
    "feed": "varchar",
    "record_key": "varchar",
    "source_name": "varchar",
    "source_file": "varchar",
    "source_row": "bigint",
    "description": "varchar",
}
_STRUCT = "{" + ", ".join(f"'{name}': changes.{name}" for name in ROW) + "}"


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the temporary tables of causes: of KPIs, of cells, and of whole tables.

    `kpi_causes` has what concerns every cell of a KPI; `cell_causes` the rows that concern a cell,
    for KPIs that are judged by its day and for those that wait; `first_causes` the rows with which
    histories begin earlier.
    """
    row = ", ".join(f"{name} {kind}" for name, kind in ROW.items())
    rows = f"total bigint, named struct({row})[]"
    connection.execute(
        f"create or replace temp table kpi_causes (close_id varchar, mart varchar, "
        f"kpi_code varchar, {row})"
    )
    connection.execute(
        "create or replace temp table cell_causes (close_id varchar, mart varchar, "
        f"entity_code varchar, segment_type varchar, segment_code varchar, waits boolean, {rows})"
    )
    connection.execute(
        f"create or replace temp table first_causes (close_id varchar, mart varchar, {rows})"
    )


@dataclass(frozen=True)
class Search:
    """What is searched: the restated figures of the closings of one run.

    Attributes:
        connection: The build database, with raw.kpi_reported, raw.closes and the tables of causes.
        then: The run whose figures were closed.
        now: The run that found them to differ.
        close_ids: The closings.
        manifest: What dbt made of the project now.
        matured: Codes of the KPIs that are judged with all that is known at the as-of date.
    """

    connection: duckdb.DuckDBPyConnection
    then: Run
    now: Run
    close_ids: Sequence[str]
    manifest: Manifest
    matured: Sequence[str]

    @property
    def restated(self) -> str:
        """The figures, as SQL."""
        ids = ", ".join(map(quoted, self.close_ids))
        return (
            "(select * from raw.kpi_reported where is_restated "
            f"and close_id in ({ids})) as restated"
        )

    def add(self, condition: str, cause: str, key: str, description: str) -> None:
        """Add a cause that is no row to the KPIs that meet a condition."""
        self.connection.execute(
            "insert into kpi_causes by name select distinct close_id, mart, kpi_code, "
            "? as cause, ? as record_key, ? as description "
            f"from {self.restated} where {condition}",
            [cause, key, description],
        )


def closing_run(home: Home, run_id: str) -> Run | None:
    """The record of a run whose figures were closed; None if it is gone."""
    path = _origin(home).runs / run_id / "run.json"
    return runs.read(path) if path.is_file() else None


def find(home: Home, search: Search) -> None:
    """Add to the tables of causes what made the restated figures of some closings differ."""
    rows = search.connection.execute(
        f"select distinct mart from {search.restated} order by all"
    ).fetchall()
    marts = [str(row[0]) for row in rows]
    _add_parameters(search)
    before = _origin(home).runs / search.then.run_id / "manifest.json"
    if before.is_file() and search.then.code_sha256 != search.now.code_sha256:
        manifest = json.loads(before.read_text(encoding="utf-8"))
        for mart in marts:
            _add_code(search, mart, manifest)
    _add_rows(_origin(home), search, marts)


def _origin(home: Home) -> Home:
    """The folder with the runs that were closed; the view of a moment has its own runs."""
    return Home(home.closes.resolve().parent)


def _add_parameters(search: Search) -> None:
    """What the runs were asked for, and the day up to which they judge."""
    then, now = search.then, search.now
    for cause, before, after in (
        ("changed_currency", then.reporting_currency_code, now.reporting_currency_code),
        ("changed_engine", f"DuckDB {then.duckdb_version}", f"DuckDB {now.duckdb_version}"),
    ):
        if before != after:
            search.add("true", cause, str(after), f"Reported in {before}, now {after}.")
    if search.matured and then.as_of_date != now.as_of_date:
        search.add(
            f"restated.kpi_code in ({', '.join(map(quoted, search.matured))})",
            "matured",
            str(now.as_of_date),
            f"Judged with what had happened by {then.as_of_date}, now by {now.as_of_date}.",
        )


def _add_code(search: Search, mart: str, manifest: Manifest) -> None:
    """Seeds and models on the way to a table that are not what they were."""
    before, after = (
        {node["name"]: node for node in _ancestors(each, mart)}
        for each in (manifest, search.manifest)
    )
    seeds_before, seeds_after = search.then.seeds_sha256 or {}, search.now.seeds_sha256 or {}
    changed: dict[str, list[str]] = {"changed_seed": [], "changed_formula": []}
    for name in sorted({*before, *after}):
        then, now = before.get(name, {}), after.get(name, {})
        if (now or then)["resource_type"] == "seed":
            if seeds_before.get(name) != seeds_after.get(name):
                changed["changed_seed"].append(name)
        elif then.get("compiled_code") != now.get("compiled_code"):
            changed["changed_formula"].append(name)
    texts = {
        "changed_seed": "These seeds were changed.",
        "changed_formula": "The SQL of these models was changed, by itself or by a macro.",
    }
    for cause, names in changed.items():
        if names:
            search.add(f"restated.mart = {quoted(mart)}", cause, ", ".join(names), texts[cause])


def _ancestors(manifest: Manifest, mart: str) -> list[Mapping[str, Any]]:
    """The model of a table, and all models and seeds that it is made of."""
    return [manifest["nodes"][name] for name in _reach(manifest, mart) if name in manifest["nodes"]]


def _reach(manifest: Manifest, mart: str, without: frozenset[str] = frozenset()) -> set[str]:
    """Unique ids of all that a table is made of, but for what only some models lead to."""
    nodes = manifest["nodes"]
    waiting = [name for name, node in nodes.items() if node["name"] == mart]
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in reached or name.rpartition(".")[2] in without:
            continue
        reached.add(name)
        waiting += nodes.get(name, {}).get("depends_on", {}).get("nodes", [])
    return reached


def _feeds(manifest: Manifest, mart: str) -> set[str]:
    """The feeds whose rows can move the figures of a table."""
    found = set()
    for feed in load_contract():
        reached = _reach(manifest, mart, frozenset(_BESIDE.get(feed, ())))
        if any(name.startswith("source.") and name.endswith(f".raw.{feed}") for name in reached):
            found.add(feed)
    return found


def _add_rows(home: Home, search: Search, marts: Sequence[str]) -> None:
    """Rows in force that are new, are gone, or say something else."""
    changed = changed_feeds(home, search.then.known_at, search.now.known_at)
    ways = [(mart, feed) for mart in marts for feed in _feeds(search.manifest, mart) & changed]
    if not ways:
        return
    reached = {feed for _, feed in ways}
    find_changed_rows(
        search.connection,
        home,
        search.then.known_at,
        [feed for feed in load_contract().values() if feed.name in reached],
        str(search.now.reporting_currency_code),
    )
    values = ", ".join(f"({quoted(mart)}, {quoted(feed)})" for mart, feed in ways)
    waiting = ", ".join(map(quoted, search.matured)) or "''"
    # The least of all, by feed and key: what does not depend on the order.
    named = f"count(*) as total, min({_STRUCT}, {NAMED}) as named"
    search.connection.execute(
        f"""
        insert into cell_causes
        with ways as (select * from (values {values}) as ways (mart, feed)),
        cells as (
            select distinct restated.close_id, restated.mart, restated.entity_code,
                restated.segment_type, restated.segment_code,
                restated.kpi_code in ({waiting}) as waits
            from {search.restated}
        )
        select cells.*, {named}
        from cells
        join raw.closes as closes on cells.close_id = closes.close_id
        join ways on cells.mart = ways.mart
        join memberships on cells.entity_code = memberships.entity_code
            and cells.segment_type = memberships.segment_type
            and cells.segment_code = memberships.segment_code
            and ways.feed = memberships.feed
            and memberships.first_day <= case
                when cells.waits then date '{search.now.as_of_date}' else closes.period_end
            end
        join changes on memberships.feed = changes.feed
            and memberships.record_key = changes.record_key
        group by all
        """
    )
    # A rate counts until the next one, for balances and for flows of a year before.
    search.connection.execute(
        f"""
        insert into cell_causes
        with ways as (
            select * from (values {values}) as ways (mart, feed) where feed = 'fx_rates'
        ),
        cells as (
            select distinct restated.close_id, restated.mart, restated.entity_code,
                restated.segment_type, restated.segment_code,
                restated.kpi_code in ({waiting}) as waits
            from {search.restated}
        ),
        rates as (
            select closes.close_id, waits.waits, changed_rates.currency_code, {named}
            from raw.closes as closes
            cross join (values (true), (false)) as waits (waits)
            join changed_rates
                on changed_rates.first_day <= case
                    when waits.waits then date '{search.now.as_of_date}' else closes.period_end
                end
                and coalesce(changed_rates.next_day > closes.period_start - interval 1 year, true)
            join changes on changes.feed = 'fx_rates'
                and changed_rates.record_key = changes.record_key
            group by all
        )
        select cells.*, sum(rates.total), flatten(list(rates.named order by rates.currency_code))
        from cells
        join ways on cells.mart = ways.mart
        join memberships on memberships.feed = 'fx_rates'
            and cells.entity_code = memberships.entity_code
            and cells.segment_type = memberships.segment_type
            and cells.segment_code = memberships.segment_code
        join rates on cells.close_id = rates.close_id and cells.waits = rates.waits
            and memberships.record_key = rates.currency_code
        group by all
        """
    )
    search.connection.execute(
        f"""
        insert into first_causes
        with ways as (select * from (values {values}) as ways (mart, feed)),
        marts as (select distinct restated.close_id, restated.mart from {search.restated}),
        first_rows as (
            select distinct memberships.feed, memberships.record_key
            from memberships cross join first_days
            where memberships.feed in ('invoices', 'receipts')
                and memberships.first_day < first_days.later
        )
        select marts.*, {named}
        from marts
        join ways on marts.mart = ways.mart
        join first_rows on ways.feed = first_rows.feed
        join changes on first_rows.feed = changes.feed
            and first_rows.record_key = changes.record_key
        group by all
        """
    )
