"""Findings: what was found in the data, and the first and last run that saw it."""

import json
from dataclasses import dataclass
from typing import Literal

import duckdb

from encours import runs
from encours.home import Home, move_whole, sync_file
from encours.lake import quoted
from encours.runs import Run

_COLUMNS = {
    "severity": "varchar",
    "issue_code": "varchar",
    "feed": "varchar",
    "record_key": "varchar",
    "source_name": "varchar",
    "source_file": "varchar",
    "source_row": "bigint",
    "description": "varchar",
    "first_seen_run": "varchar",
    "last_seen_run": "varchar",
}

_OF_VALIDATION = "starts_with(issue_code, 'quality_')"


@dataclass(frozen=True)
class Finding:
    """What validation found about a feed of a source, or about the published tables."""

    severity: Literal["error", "warning"]
    issue_code: str
    feed: str
    record_key: str
    source_name: str | None
    description: str

    @property
    def line(self) -> str:
        """It in one line, for people."""
        of_source = f" of {self.source_name}" if self.source_name else ""
        return f"{self.severity}: {self.feed}{of_source}: {self.description}"


def register(connection: duckdb.DuckDBPyConnection, home: Home, run: Run) -> None:
    """Write what dbt reads of earlier findings: raw.earlier_issues.

    Those of the last publication, and of the validations that stopped a run since.
    """
    columns = ", ".join(f"{name} {data_type}" for name, data_type in _COLUMNS.items())
    connection.execute("create schema if not exists raw")
    connection.execute(f"create or replace table raw.earlier_issues ({columns})")
    names = ", ".join(_COLUMNS)
    published = runs.read_published(home)
    last = published.run_id if published else ""
    kept = home.runs / last / "data_issues.parquet"
    if published and kept.is_file():
        connection.execute(
            f"insert into raw.earlier_issues select {names} from read_parquet({quoted(str(kept))})"
        )
    for other in runs.read_all(home):
        path = runs.folder(home, other) / "validation.json"
        if last < other.run_id < run.run_id and path.is_file():
            found = [Finding(**each) for each in json.loads(path.read_text(encoding="utf-8"))]
            _add(connection, "raw.earlier_issues", other.run_id, found)


def keep(home: Home, run: Run, found: list[Finding]) -> None:
    """Add what validation found to audit.data_issues of the build database."""
    with duckdb.connect(str(home.build_database)) as connection:
        names = ", ".join(_COLUMNS)
        connection.execute(f"delete from audit.data_issues where {_OF_VALIDATION}")
        connection.execute("create temp table seen as from raw.earlier_issues limit 0")
        _add(connection, "seen", run.run_id, found)
        same = (
            "seen.issue_code = earlier.issue_code and seen.feed = earlier.feed "
            "and seen.record_key = earlier.record_key "
            "and seen.source_name is not distinct from earlier.source_name"
        )
        connection.execute(
            "update seen set first_seen_run = coalesce((select min(earlier.first_seen_run) "
            f"from raw.earlier_issues as earlier where {same}), seen.first_seen_run)"
        )
        connection.execute(
            f"insert into audit.data_issues by name select {names}, true as is_open from seen"
        )
        # What is no longer so stays listed with the last run that saw it.
        connection.execute(
            f"insert into audit.data_issues by name select {names}, false as is_open from ("
            "select * exclude (first_seen_run), min(first_seen_run) over issue as first_seen_run "
            f"from raw.earlier_issues where {_OF_VALIDATION} "
            "window issue as (partition by issue_code, feed, record_key, source_name) "
            "qualify last_seen_run = max(last_seen_run) over issue"
            f") as earlier where not exists (select 1 from seen where {same})"
        )


def archive(connection: duckdb.DuckDBPyConnection, home: Home, run: Run) -> None:
    """Keep the findings of a publication beside its record, for the runs to come."""
    path = runs.folder(home, run) / "data_issues.parquet"
    unfinished = path.with_name(path.name + ".unfinished")
    connection.execute(
        f"copy (select {', '.join(_COLUMNS)} from audit.data_issues) "
        f"to {quoted(str(unfinished))} (format parquet, compression zstd)"
    )
    sync_file(unfinished)
    move_whole(unfinished, path)


def _add(
    connection: duckdb.DuckDBPyConnection, table: str, run_id: str, found: list[Finding]
) -> None:
    for finding in found:
        connection.execute(
            f"insert into {table} values (?, ?, ?, ?, ?, null, null, ?, ?, ?)",
            [
                finding.severity,
                finding.issue_code,
                finding.feed,
                finding.record_key,
                finding.source_name,
                finding.description,
                run_id,
                run_id,
            ],
        )
