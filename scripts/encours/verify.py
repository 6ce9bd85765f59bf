"""Verify: whether the lake, the records and the published tables are as the runs left them.

Each file of the lake is vouched for by the manifest of its load, each manifest by the record of the
first run that saw it, each record by the next one, and the last record by the published database.
"""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from encours import closes, lake, runs
from encours.errors import DataError
from encours.hashes import file_sha256, table_sha256
from encours.home import Home, json_bytes
from encours.lake import Manifest, quoted
from encours.publish import (
    PUBLISHED_SCHEMAS,
    RUNS_TABLE,
    published_hashes,
)
from encours.runs import Run


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
        problems: One sentence for each thing that was changed by hand, or is damaged.
        checked: What was compared, in sentences.
        uncovered: What cannot be told, in sentences.
        head: Hash of the last closed record; None before the first.
    """

    problems: tuple[str, ...]
    checked: tuple[str, ...]
    uncovered: tuple[str, ...]
    head: str | None


@dataclass
class _Findings:
    problems: list[str] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    uncovered: list[str] = field(default_factory=list)


def verify(
    home: Home,
    progress: Callable[[str], None],
    expected: str | None = None,
    *,
    with_tables: bool = True,
) -> Report:
    """Recompute every hash that the records hold, and compare.

    Args:
        home: Home folder; the caller holds its lock.
        progress: Is told in a sentence what is being done.
        expected: Hash of a record that was noted elsewhere, which must still be there.
        with_tables: Whether to read all published tables, which takes most of the time, or only
            that of the runs.
    """
    found = _Findings()
    progress("verify: reading the lake")
    found.problems += lake.verify(home)
    progress("verify: reading the records")
    records = list(_records(home, found))
    sealed = [run for run in records if run.record_sha256]
    _verify_lake_records(home, records, found)
    progress("verify: reading the closed periods")
    found.problems += closes.verify(home, records)
    count = len(list(home.closes.glob(f"*/{closes.RECORD}")))
    if count:
        found.checked.append(
            f"{count} record{'s' if count != 1 else ''} of closings and reopenings"
        )
    progress("verify: reading the published tables")
    _verify_published(home, records, found, with_tables=with_tables)
    if with_tables:
        _verify_parquet(home, records, found)
    if expected is not None and expected not in {run.record_sha256 for run in sealed}:
        found.problems.append(f"{home.runs}: no record has the hash {expected}")
    return Report(
        tuple(found.problems),
        tuple(found.checked),
        tuple(found.uncovered),
        sealed[-1].record_sha256 if sealed else None,
    )


def _records(home: Home, found: _Findings) -> Iterator[Run]:
    """The records that can be read, oldest first; the chain is followed on the way."""
    previous: Run | None = None
    opened: list[Path] = []
    closed = 0
    for path in sorted(home.runs.glob("*/run.json")):
        try:
            run = runs.read(path)
            record = json.loads(path.read_text(encoding="utf-8"))
        except (DataError, ValueError) as error:
            found.problems.append(f"{path}: this record cannot be read ({error})")
            continue
        if run.run_id != path.parent.name:
            found.problems.append(f"{path}: this is the record of run {run.run_id}")
        if run.record_sha256 is None:
            opened.append(path)
            yield run
            continue
        closed += 1
        if (
            runs.sealed_sha256(record) != run.record_sha256
            or json_bytes(record) != path.read_bytes()
        ):
            found.problems.append(f"{path}: changed since the record was closed")
        last = previous.record_sha256 if previous else None
        if run.previous_sha256 != last:
            before = f"that of run {previous.run_id}" if previous else "none"
            found.problems.append(
                f"{path}: another record stood before this one, where now is {before}; "
                "one was changed, put in or taken out"
            )
        found.problems += [f"{open_path}: this record was opened" for open_path in opened]
        opened.clear()
        found.problems += _artifact_problems(path.parent, run)
        previous = run
        yield run
    found.checked.append(f"{closed} closed record{'s' if closed != 1 else ''} of runs")
    if opened:
        found.uncovered.append(
            f"{len(opened)} records of runs from {opened[0].parent.name} on, which no later build "
            "or publication has closed yet"
        )


def _artifact_problems(folder: Path, run: Run) -> Iterator[str]:
    for name, sha256 in run.artifacts_sha256.items():
        path = folder / name
        if not path.is_file():
            yield f"{path}: missing, though run {run.run_id} left it"
        elif file_sha256(path) != sha256:
            yield f"{path}: changed since run {run.run_id} left it"


def _verify_lake_records(home: Home, records: list[Run], found: _Findings) -> None:
    """Compare the manifests, and refused rows that none names, with the records of the runs."""
    noted: dict[str, tuple[str, Run]] = {}
    for run in records:
        for relative, sha256 in (run.lake_sha256 or {}).items():
            noted.setdefault(relative, (sha256, run))
    for relative, (sha256, run) in noted.items():
        path = home.path / relative
        if not path.is_file():
            found.problems.append(f"{path}: missing, though run {run.run_id} read it")
        elif file_sha256(path) != sha256:
            found.problems.append(f"{path}: changed since run {run.run_id} read it")
    until = max((run.known_at for run in records if run.lake_sha256 is not None), default=None)
    loads = list(_loads(home))
    named = {load.rejected.path for load in loads if load.rejected}
    unseen = {f"lake/loads/{load.load_id}.json": load.loaded_at_utc for load in loads} | {
        path.relative_to(home.path).as_posix(): _moment(path)
        for path in sorted(home.rejected.glob("*.parquet"))
    }
    pending = 0
    for relative, moment in unseen.items():
        if relative in noted or relative in named:
            continue
        if until is not None and moment <= until:
            found.problems.append(f"{home.path / relative}: put in; no run has seen it")
        else:
            pending += 1
    found.checked.append(f"{len(loads)} load{'s' if len(loads) != 1 else ''} with all their files")
    if pending:
        found.uncovered.append(f"{pending} loads or refusals that no run has seen yet")


def _loads(home: Home) -> Iterator[Manifest]:
    for path in sorted(home.loads.glob("*.json")):
        with contextlib.suppress(DataError):  # the lake said so
            yield lake.read_manifest(path)


def _moment(path: Path) -> datetime:
    """The moment in the name of a file of refused rows; long ago if there is none."""
    try:
        return datetime.strptime(path.stem, runs.ID_FORMAT)  # noqa: DTZ007  it is UTC
    except ValueError:
        return datetime.min  # noqa: DTZ901


def _verify_published(
    home: Home, records: list[Run], found: _Findings, *, with_tables: bool
) -> None:
    newest = max((run.run_id for run in records if run.status == "published"), default=None)
    path = home.published_database
    if not path.is_file():
        if newest is not None:
            found.problems.append(f"{path}: missing, though run {newest} published it")
        return
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            run = _verify_runs_table(connection, path, records, found)
            if run is not None and with_tables:
                _verify_tables(connection, path, run, found)
    except (duckdb.Error, ValueError) as error:
        found.problems.append(f"{path}: cannot be read ({error})")


def _verify_runs_table(
    connection: duckdb.DuckDBPyConnection, path: Path, records: list[Run], found: _Findings
) -> Run | None:
    """Compare the table of runs with the records, and return the run whose tables these are."""
    columns = [row[0] for row in connection.execute(f"describe {RUNS_TABLE}").fetchall()]
    if "record_sha256" not in columns:
        found.uncovered.append(f"{path}, which was published before records were a chain")
        return None
    rows = connection.execute(f"select * from {RUNS_TABLE} order by run_id").fetchall()
    shown = [dict(zip(columns, row, strict=True)) for row in rows]
    current = [runs.from_row(row) for row in shown if row["is_current"]]
    if len(current) != 1:
        found.problems.append(f"{path}: {RUNS_TABLE} has {len(current)} current runs")
        return None
    run = current[0]
    found.problems += [
        f"{path}: {problem}" for problem in _row_problems(shown, run, _settled(records, run))
    ]
    return run


def _verify_tables(
    connection: duckdb.DuckDBPyConnection, path: Path, run: Run, found: _Findings
) -> None:
    """Compare what the published tables say with the record of their run."""
    hashes = published_hashes(connection)
    for table in sorted({*hashes, *run.tables_sha256}):
        if table not in hashes:
            found.problems.append(f"{path}: {table} is missing")
        elif table not in run.tables_sha256:
            found.problems.append(f"{path}: {table} was put in")
        elif hashes[table] != run.tables_sha256[table]:
            found.problems.append(f"{path}: {table} changed since run {run.run_id} published it")
    found.checked.append(f"{len(run.tables_sha256) + 1} published tables of run {run.run_id}")


def _settled(records: list[Run], current: Run) -> list[Run]:
    """The records, with the one in the database where a run died just after readers saw it."""
    return [
        current
        if run.run_id == current.run_id and run.record_sha256 is None and run.status != "published"
        else run
        for run in records
    ]


def _row_problems(shown: list[dict[str, Any]], current: Run, records: list[Run]) -> Iterator[str]:
    """How the table of runs differs from the records in the home folder."""
    if runs.sealed_sha256(runs.to_json(current)) != current.record_sha256:
        yield f"{RUNS_TABLE}: the row of run {current.run_id} changed since the record was closed"
    by_id = {run.run_id: run for run in records}
    rows: dict[str, Run] = {}
    for row in shown:
        if row["run_id"] is None:
            yield f"{RUNS_TABLE}: a row has no run"
            continue
        run = runs.from_row(row)
        if run.run_id in rows:
            yield f"{RUNS_TABLE}: run {run.run_id} stands there twice"
        rows[run.run_id] = run
    for run_id in sorted({*rows, *(each for each in by_id if each <= current.run_id)}):
        if run_id not in by_id:
            yield f"{RUNS_TABLE}: run {run_id} has no record in the home folder"
        elif run_id not in rows:
            yield f"{RUNS_TABLE}: run {run_id} is missing"
        elif rows[run_id] != by_id[run_id]:
            names = [
                name
                for name, value in runs.to_json(rows[run_id]).items()
                if value != runs.to_json(by_id[run_id])[name]
            ]
            yield f"{RUNS_TABLE}: run {run_id} differs from its record in {', '.join(names)}"
    newest = max((run.run_id for run in records if run.status == "published"), default="")
    if newest > current.run_id:
        yield f"these are the tables of run {current.run_id}, though run {newest} was published"


def _verify_parquet(home: Home, records: list[Run], found: _Findings) -> None:
    """Compare the Parquet version that readers see, if there is one, with its run."""
    link = home.path / "parquet"
    if not link.is_dir():
        return
    run = next((each for each in records if each.run_id == link.resolve().name), None)
    if run is None or not run.tables_sha256:
        found.uncovered.append(f"{link}, whose run has no hashes")
        return
    present = {folder.name for folder in link.iterdir()} - {RUNS_TABLE}
    with duckdb.connect() as connection:
        written = {
            name for name in run.tables_sha256 if name.partition(".")[0] in PUBLISHED_SCHEMAS
        }
        for table in sorted({*present, *written}):
            if table not in present or table not in run.tables_sha256:
                found.problems.append(f"{link / table}: put in, or missing")
                continue
            files = quoted(str(link / table / "*.parquet"))
            try:
                same = (
                    table_sha256(connection, f"read_parquet({files})") == (run.tables_sha256[table])
                )
            except duckdb.Error as error:
                found.problems.append(f"{link / table}: cannot be read ({error})")
                continue
            if not same:
                found.problems.append(
                    f"{link / table}: changed since run {run.run_id} published it"
                )
    found.checked.append(f"{len(present)} tables as Parquet")
