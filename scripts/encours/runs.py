"""The record of every run: what was asked, what was read, and how it ended.

The records are a chain. Once nothing of a run can change any more, its record is sealed: it gets
the hash of the record before it and its own. A run is sealed when it is published, or when the
build of a later one begins; records are sealed in the order of the runs, and each only once.
"""

import json
import platform
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import duckdb

from encours import lake
from encours.errors import DataError, UsageError
from encours.hashes import file_sha256, record_sha256
from encours.home import Home, write_json
from encours.lake import utc
from encours.project import code_sha256, git_commit, seeds_sha256

Status = Literal["running", "built", "published", "failed", "interrupted"]

ID_FORMAT = "%Y%m%dT%H%M%S%fZ"
# What a run leaves beside its record, and its record vouches for.
_ARTIFACTS = ("manifest.json", "run_results.json", "validation.json", "data_issues.parquet")


@dataclass(frozen=True)
class Parameters:
    """What a user can ask of a run; None leaves the choice to the data."""

    as_of: date | None = None
    reporting_currency: str | None = None


@dataclass
class Run:
    """One run. Moments are in UTC without time zone; hashes are SHA-256 in hexadecimal."""

    run_id: str
    status: Status
    started_at: datetime
    known_at: datetime
    as_of_requested: date | None = None
    reporting_currency_requested: str | None = None
    finished_at: datetime | None = None
    as_of_date: date | None = None
    last_movement_date: date | None = None
    reporting_currency_code: str | None = None
    load_id: str | None = None
    inputs_sha256: str | None = None
    code_sha256: str | None = None
    git_commit: str | None = None
    encours_version: str = field(default_factory=lambda: version("encours"))
    dbt_version: str = field(default_factory=lambda: version("dbt-core"))
    duckdb_version: str = field(default_factory=lambda: version("duckdb"))
    python_version: str = field(default_factory=platform.python_version)
    input_rows: dict[str, int] = field(default_factory=dict)
    published_rows: dict[str, int] = field(default_factory=dict)
    validation: str | None = None
    data_docs: str | None = None
    message: str | None = None
    currency_policy: str = (
        "balances at the rate of their day, flows at the rate of their own day, last rate published"
    )
    lake_sha256: dict[str, str] | None = None
    """Hashes of the manifests, and of refused rows that none names, that no earlier run has."""
    closes_sha256: str | None = None
    """Hash of the last closing or reopening that the run saw."""
    seeds_sha256: dict[str, str] | None = None
    artifacts_sha256: dict[str, str] = field(default_factory=dict)
    tables_sha256: dict[str, str] = field(default_factory=dict)
    outputs_sha256: str | None = None
    """One hash of all tables of the schema marts."""
    previous_sha256: str | None = None
    record_sha256: str | None = None

    @property
    def run_date(self) -> date:
        """The day that figures may not pass, in UTC: of the start, or of what was known before."""
        return min(self.started_at, self.known_at).date()


# Columns of raw.runs, and so of audit.runs, in their order.
SQL_TYPES: dict[str, str] = {
    "run_id": "varchar",
    "status": "varchar",
    "started_at": "timestamp",
    "finished_at": "timestamp",
    "known_at": "timestamp",
    "as_of_requested": "date",
    "as_of_date": "date",
    "last_movement_date": "date",
    "reporting_currency_requested": "varchar",
    "reporting_currency_code": "varchar",
    "load_id": "varchar",
    "inputs_sha256": "varchar",
    "code_sha256": "varchar",
    "git_commit": "varchar",
    "encours_version": "varchar",
    "dbt_version": "varchar",
    "duckdb_version": "varchar",
    "python_version": "varchar",
    "input_rows": "varchar",
    "published_rows": "varchar",
    "validation": "varchar",
    "data_docs": "varchar",
    "message": "varchar",
    "currency_policy": "varchar",
    "lake_sha256": "varchar",
    "closes_sha256": "varchar",
    "seeds_sha256": "varchar",
    "artifacts_sha256": "varchar",
    "tables_sha256": "varchar",
    "outputs_sha256": "varchar",
    "previous_sha256": "varchar",
    "record_sha256": "varchar",
}
_JSON_COLUMNS = (
    "input_rows",
    "published_rows",
    "lake_sha256",
    "seeds_sha256",
    "artifacts_sha256",
    "tables_sha256",
)


def new_run(
    home: Home, now: datetime, parameters: Parameters, known_at: datetime | None = None
) -> Run:
    """A run that starts at a moment; its identifier is that moment, or just after the last run.

    Raises:
        UsageError: The as-of date is later than the day of the run, or of what is known.
    """
    started_at = utc(now)
    moment = started_at
    last = max((path.parent.name for path in home.runs.glob("*/run.json")), default="")
    if f"{moment:{ID_FORMAT}}" <= last:  # the clock went back
        moment = datetime.strptime(last, ID_FORMAT) + timedelta(microseconds=1)  # noqa: DTZ007  it is UTC
    run = Run(
        run_id=f"{moment:{ID_FORMAT}}",
        status="running",
        started_at=started_at,
        known_at=utc(known_at) if known_at else started_at,
        as_of_requested=parameters.as_of,
        reporting_currency_requested=parameters.reporting_currency,
        code_sha256=code_sha256(),
        git_commit=git_commit(),
        seeds_sha256=seeds_sha256(),
    )
    if run.as_of_requested is not None and run.as_of_requested > run.run_date:
        raise UsageError(
            f"--as-of {run.as_of_requested} is later than {run.run_date}, the last day that can be "
            "known. Give that day or an earlier one."
        )
    return run


def folder(home: Home, run: Run) -> Path:
    """Folder of the log and the results of a run."""
    return home.runs / run.run_id


def save(home: Home, run: Run) -> None:
    """Write the record of a run whole."""
    write_json(folder(home, run) / "run.json", to_json(run))


def read_all(home: Home) -> list[Run]:
    """Read the records of all runs, oldest first.

    Raises:
        DataError: A record cannot be read.
    """
    return [read(path) for path in sorted(home.runs.glob("*/run.json"))]


def note_lake(home: Home, run: Run) -> None:
    """Write into a record the hashes of what the lake has and no earlier record vouches for."""
    known = {
        path
        for other in read_all(home)
        if other.run_id != run.run_id
        for path in other.lake_sha256 or {}
    }
    run.lake_sha256 = lake.loose_files(home, run.known_at, known)


def seal(home: Home, run: Run) -> None:
    """Close a record for good; the records of earlier runs are closed before it.

    The caller saves it.
    """
    last = _seal_before(home, run.run_id)
    _seal(home, run, last)


def seal_earlier(home: Home, run: Run) -> None:
    """Close the records of all runs before one whose build begins: none can be published now."""
    _seal_before(home, run.run_id)


def end(home: Home, run: Run, status: Status, message: str, now: datetime) -> None:
    """Write down how a run ended that was not published."""
    published = read_published(home)
    if published and published.run_id == run.run_id:  # it ended after readers saw its figures
        save(home, published)
        return
    run.status, run.message, run.finished_at = status, message, utc(now)
    run.published_rows, run.tables_sha256, run.outputs_sha256 = {}, {}, None
    run.previous_sha256 = run.record_sha256 = None
    note_lake(home, run)
    save(home, run)


def settle_interrupted(home: Home) -> list[Run]:
    """Give runs that were killed their true end; call it while holding the home folder.

    Returns:
        These runs, as they ended.
    """
    published = read_published(home)
    settled = []
    for run in read_all(home):
        if run.status in ("running", "built") and published and published.run_id == run.run_id:
            settled.append(published)
        elif run.status == "running":
            run.status = "interrupted"
            run.message = "The process ended before the run did."
            settled.append(run)
    for run in settled:
        save(home, run)
    return settled


def read_published(home: Home) -> Run | None:
    """The run whose figures readers see, from the published database itself; None before one."""
    if not home.published_database.is_file():
        return None
    with duckdb.connect(str(home.published_database), read_only=True) as connection:
        cursor = connection.execute("select * from audit.runs where is_current")
        names = [column[0] for column in cursor.description or []]
        row = cursor.fetchone()
    return from_row(dict(zip(names, row, strict=True))) if row else None


def register(connection: duckdb.DuckDBPyConnection, home: Home, run: Run) -> None:
    """Write what dbt reads of the runs: raw.run_parameters and raw.runs, this run included."""
    connection.execute("create schema if not exists raw")
    connection.execute(
        "create or replace table raw.run_parameters as select ?::varchar as run_id, "
        "?::date as run_date, ?::timestamp as known_at, ?::date as as_of_requested, "
        "?::varchar as reporting_currency_requested",
        [
            run.run_id,
            run.run_date,
            run.known_at,
            run.as_of_requested,
            run.reporting_currency_requested,
        ],
    )
    columns = ", ".join(f"{name} {data_type}" for name, data_type in SQL_TYPES.items())
    connection.execute(f"create or replace table raw.runs ({columns})")
    others = [other for other in read_all(home) if other.run_id != run.run_id]
    marks = ", ".join("?" * len(SQL_TYPES))
    connection.executemany(
        f"insert into raw.runs values ({marks})", [_to_row(each) for each in [*others, run]]
    )


def complete(connection: duckdb.DuckDBPyConnection, table: str, run: Run) -> None:
    """Bring the row of a run in a table of runs up to what is known of it now."""
    columns = ", ".join(f"{name} = ?" for name in SQL_TYPES)
    connection.execute(
        f"update {table} set {columns} where run_id = ?", [*_to_row(run), run.run_id]
    )


def _to_row(run: Run) -> list[Any]:
    values = asdict(run)
    for name in _JSON_COLUMNS:
        if values[name] is not None:
            values[name] = json.dumps(values[name])
    return [values[name] for name in SQL_TYPES]


def from_row(row: dict[str, Any]) -> Run:
    """A run from its row of a table of runs."""
    # A column that an earlier version did not have is empty.
    values = {name: row[name] for name in SQL_TYPES if name in row}
    for name in _JSON_COLUMNS:
        if values.get(name) is not None:
            values[name] = json.loads(values[name])
    return Run(**values)


def _seal_before(home: Home, run_id: str) -> str | None:
    """Close the records of all runs before one, and return the hash of the last.

    An open record before a closed one was opened by hand: it stays, to be found.
    """
    earlier = [run for run in read_all(home) if run.run_id < run_id]
    closed = [number for number, run in enumerate(earlier) if run.record_sha256]
    last = earlier[closed[-1]].record_sha256 if closed else None
    for run in earlier[closed[-1] + 1 if closed else 0 :]:
        _seal(home, run, last)
        save(home, run)
        last = run.record_sha256
    return last


def _seal(home: Home, run: Run, previous: str | None) -> None:
    run.artifacts_sha256 = {
        name: file_sha256(folder(home, run) / name)
        for name in _ARTIFACTS
        if (folder(home, run) / name).is_file()
    }
    run.previous_sha256 = previous
    run.record_sha256 = sealed_sha256(to_json(run))


def sealed_sha256(record: dict[str, Any]) -> str:
    """What `record_sha256` of a record has to be."""
    return record_sha256({name: value for name, value in record.items() if name != "record_sha256"})


def to_json(run: Run) -> dict[str, Any]:
    """The record of a run as it is written."""
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in asdict(run).items()
    }


def read(path: Path) -> Run:
    """Read the record of a run.

    Raises:
        DataError: It cannot be read.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        for name, data_type in SQL_TYPES.items():
            if values.get(name) is not None and data_type == "timestamp":
                values[name] = datetime.fromisoformat(values[name])
            elif values.get(name) is not None and data_type == "date":
                values[name] = date.fromisoformat(values[name])
        known = [each.name for each in fields(Run) if each.name in values]
        return Run(**{name: values[name] for name in known})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: this record of a run cannot be read. Restore it from a backup. ({error})"
        ) from error
