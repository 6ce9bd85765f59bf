"""The record of every run: what was asked, what was read, and how it ended."""

import json
import platform
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import duckdb

from encours.errors import DataError, UsageError
from encours.home import Home, write_json
from encours.lake import utc
from encours.project import code_sha256, git_commit

Status = Literal["running", "built", "published", "failed", "interrupted"]


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
}


def new_run(now: datetime, parameters: Parameters, known_at: datetime | None) -> Run:
    """A run that starts at a moment; its identifier is that moment.

    Raises:
        UsageError: The as-of date is later than the day of the run, or of what is known.
    """
    started_at = utc(now)
    run = Run(
        run_id=f"{started_at:%Y%m%dT%H%M%S%fZ}",
        status="running",
        started_at=started_at,
        known_at=utc(known_at) if known_at else started_at,
        as_of_requested=parameters.as_of,
        reporting_currency_requested=parameters.reporting_currency,
        code_sha256=code_sha256(),
        git_commit=git_commit(),
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
    write_json(folder(home, run) / "run.json", _to_json(run))


def read_all(home: Home) -> list[Run]:
    """Read the records of all runs, oldest first.

    Raises:
        DataError: A record cannot be read.
    """
    return [_read(path) for path in sorted(home.runs.glob("*/run.json"))]


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
    return _from_row(dict(zip(names, row, strict=True))) if row else None


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
    values["input_rows"] = json.dumps(run.input_rows)
    values["published_rows"] = json.dumps(run.published_rows)
    return [values[name] for name in SQL_TYPES]


def _from_row(row: dict[str, Any]) -> Run:
    # A column that an earlier version did not have is empty.
    values = {name: row[name] for name in SQL_TYPES if name in row}
    values["input_rows"] = json.loads(values["input_rows"])
    values["published_rows"] = json.loads(values["published_rows"])
    return Run(**values)


def _to_json(run: Run) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in asdict(run).items()
    }


def _read(path: Path) -> Run:
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
