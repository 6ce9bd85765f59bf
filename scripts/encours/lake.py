"""The lake: what every load wrote, and which of it is in force at a moment.

A load exists once its manifest does. A feed of a source that delivers snapshots is what its last
load holds; one that delivers changes is all its loads, of which staging keeps the last row per key.
"""

import hashlib
import json
from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import duckdb
from pydantic import BaseModel, ConfigDict, ValidationError

from encours.errors import DataError
from encours.feeds import LINEAGE, Contract, Feed, load_contract
from encours.hashes import file_sha256
from encours.home import Home

Mode = Literal["snapshot", "upsert"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class LoadedFeed(_Strict):
    """What a load wrote for one feed of one source."""

    source: str
    feed: str
    mode: Mode
    rows: int
    state_sha256: str


class RawFile(_Strict):
    """A Parquet file of a load: the rows of one feed, of all sources; `path` is below home."""

    feed: str
    path: str
    sha256: str
    rows: int


class LoadedFile(_Strict):
    """A source file as it was read; `mapping_sha256` says by feed how it was read."""

    source: str
    path: str
    sha256: str
    bytes: int
    rows_read: int
    rows_accepted: int
    rows_refused: int
    rows_merged: int
    feeds: list[str]
    mapping_sha256: dict[str, str]


class RejectedFile(_Strict):
    """The Parquet file with the refused rows of a load; `rows` counts reasons."""

    path: str
    sha256: str
    rows: int


class Manifest(_Strict):
    """Everything one load wrote."""

    load_id: str
    loaded_at: str
    version: str
    feeds: list[LoadedFeed]
    raw_files: list[RawFile]
    files: list[LoadedFile]
    rejected: RejectedFile | None

    @property
    def loaded_at_utc(self) -> datetime:
        """Moment of the load, without time zone, in UTC."""
        return utc(datetime.fromisoformat(self.loaded_at))


@dataclass(frozen=True)
class InForce:
    """One feed of one source in one load whose rows count."""

    load_id: str
    source: str
    feed: str
    state_sha256: str


def utc(moment: datetime) -> datetime:
    """A moment in UTC without time zone; one that comes without is taken as UTC."""
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def manifests(home: Home, known_at: datetime | None = None) -> list[Manifest]:
    """Read the loads up to a moment (default: all), oldest first.

    Raises:
        DataError: A manifest cannot be read, or does not fit its name.
    """
    limit = None if known_at is None else utc(known_at)
    found = [read_manifest(path) for path in sorted(home.loads.glob("*.json"))]
    return [load for load in found if limit is None or load.loaded_at_utc <= limit]


def in_force(loads: Iterable[Manifest]) -> list[InForce]:
    """The parts of some loads, given oldest first, whose rows count after the last of them."""
    current: dict[tuple[str, str], list[InForce]] = {}
    for load in loads:
        for written in load.feeds:
            part = InForce(load.load_id, written.source, written.feed, written.state_sha256)
            parts = current.setdefault((written.source, written.feed), [])
            if written.mode == "snapshot":
                parts.clear()
            parts.append(part)
    return sorted(
        (part for parts in current.values() for part in parts),
        key=lambda part: (part.load_id, part.source, part.feed),
    )


def state_digest(home: Home, known_at: datetime | None = None) -> str:
    """A hash of what is in force at a moment (default: now): equal digests, equal raw tables."""
    parts = in_force(manifests(home, known_at))
    lines = [f"{part.load_id}\t{part.source}\t{part.feed}\t{part.state_sha256}" for part in parts]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def register(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    known_at: datetime | None = None,
    contract: Contract | None = None,
) -> None:
    """Create the schema raw over the rows in force at a moment.

    One view per feed of the contract, with its columns and those of lineage, empty where nobody
    supplied it; `raw.source_files` and `raw.rejected_rows` over all loads up to the moment.

    Args:
        connection: Open connection; existing objects of these names are replaced.
        home: Home folder whose lake is read.
        known_at: Loads after it do not exist; by default all do. Without time zone it is UTC.
        contract: The feeds; by default those of the project.

    Raises:
        DataError: A manifest cannot be read, or a file it names is not there.
    """
    loads = manifests(home, known_at)
    for load in loads:
        for path in [*(raw.path for raw in load.raw_files), *_rejected_path(load)]:
            if not (home.path / path).is_file():
                raise DataError(
                    f"{home.path / path}: this file of load {load.load_id} is missing. "
                    "Restore it from a backup: the lake is the only copy of what was ingested."
                )
    parts = in_force(loads)
    connection.execute("create schema if not exists raw")
    for feed in (load_contract() if contract is None else contract).values():
        connection.execute(
            f"create or replace view raw.{feed.name} as {_feed_sql(home, feed, loads, parts)}"
        )
    _register_source_files(connection, loads)
    connection.execute(
        f"create or replace view raw.rejected_rows as {_rejected_sql(home, loads, parts)}"
    )


def loose_files(home: Home, known_at: datetime, known: Container[str]) -> dict[str, str]:
    """Hashes of what no file of the lake vouches for, by path below the home folder.

    That is the manifests, which vouch for all the files of their loads, and the refused rows of
    ingestions that loaded nothing.

    Args:
        home: Home folder.
        known_at: Loads after it are left out.
        known: Paths that are left out.
    """
    named = {path for load in manifests(home) for path in _rejected_path(load)}
    paths = [home.loads / f"{load.load_id}.json" for load in manifests(home, known_at)]
    paths += sorted(home.rejected.glob("*.parquet"))
    relative = {path.relative_to(home.path).as_posix(): path for path in paths}
    return {
        name: file_sha256(path)
        for name, path in relative.items()
        if name not in named and name not in known
    }


def verify(home: Home) -> list[str]:
    """Compare every file of the lake with the hash its load wrote down; reads all of them.

    Returns:
        One sentence per file that is missing, has changed, or was not written by any load.
    """
    problems = []
    loads = []
    unread = set()
    for path in sorted(home.loads.glob("*.json")):
        try:
            loads.append(read_manifest(path))
        except DataError as error:
            problems.append(str(error))
            unread.add(path.stem)
    written = set()
    for load in loads:
        hashes = {raw.path: raw.sha256 for raw in load.raw_files}
        if load.rejected:
            hashes[load.rejected.path] = load.rejected.sha256
        for relative, sha256 in hashes.items():
            path = home.path / relative
            written.add(path)
            if not path.is_file():
                problems.append(f"{path}: missing, though load {load.load_id} wrote it")
            elif file_sha256(path) != sha256:
                problems.append(f"{path}: changed since load {load.load_id} wrote it")
    last = max((load.load_id for load in loads), default="")
    for path in sorted(home.lake.glob("raw/**/*")):
        # What an ingestion wrote that was killed is later than all loads, and read by nobody.
        interrupted = path.suffix in (".parquet", ".unfinished") and path.stem > last
        if path.is_file() and path not in written and path.stem not in unread and not interrupted:
            problems.append(f"{path}: no load wrote it")
    return problems


def quoted(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def read_manifest(path: Path) -> Manifest:
    """Read the manifest of a load.

    Raises:
        DataError: It cannot be read, or does not fit its name.
    """
    try:
        manifest = Manifest.model_validate(json.loads(path.read_text(encoding="utf-8")))
        fits = manifest.load_id == path.stem and manifest.loaded_at_utc is not None
    except (OSError, ValueError, ValidationError) as error:
        raise DataError(
            f"{path}: this manifest cannot be read. Restore it from a backup. ({error})"
        ) from error
    if not fits:
        raise DataError(f"{path}: this manifest is of load {manifest.load_id}. Restore it.")
    return manifest


def _rejected_path(load: Manifest) -> list[str]:
    return [load.rejected.path] if load.rejected else []


def _feed_sql(home: Home, feed: Feed, loads: list[Manifest], parts: list[InForce]) -> str:
    columns = [(column.name, column.data_type) for column in feed.columns] + list(LINEAGE)
    nothing = ", ".join(f"cast(null as {data_type}) as {name}" for name, data_type in columns)
    names = ", ".join(name for name, _ in columns)
    # By name, so that a file from before the contract got a column reads as if it were empty.
    branches = [f"select {nothing} where false"]
    whole: list[str] = []
    for load in loads:
        written = {entry.source for entry in load.feeds if entry.feed == feed.name}
        counting = {
            part.source for part in parts if part.load_id == load.load_id and part.feed == feed.name
        }
        paths = [_literal(home, raw.path) for raw in load.raw_files if raw.feed == feed.name]
        if counting and counting == written:
            whole += paths
        elif counting:
            sources = ", ".join(quoted(source) for source in sorted(counting))
            branches += [
                f"select * from read_parquet({path}) where _source in ({sources})" for path in paths
            ]
    if whole:
        branches.append(f"select * from read_parquet([{', '.join(whole)}], union_by_name = true)")
    return f"select {names} from ({' union all by name '.join(branches)})"


def _register_source_files(connection: duckdb.DuckDBPyConnection, loads: list[Manifest]) -> None:
    connection.execute(
        "create or replace table raw.source_files (load_id varchar, loaded_at timestamp, "
        "source varchar, source_file varchar, sha256 varchar, bytes bigint, rows_read bigint, "
        "rows_accepted bigint, rows_refused bigint, rows_merged bigint, feeds varchar)"
    )
    files = [(load, file) for load in loads for file in load.files]
    columns = (
        [load.load_id for load, _ in files],
        [load.loaded_at_utc for load, _ in files],
        [file.source for _, file in files],
        [file.path for _, file in files],
        [file.sha256 for _, file in files],
        [file.bytes for _, file in files],
        [file.rows_read for _, file in files],
        [file.rows_accepted for _, file in files],
        [file.rows_refused for _, file in files],
        [file.rows_merged for _, file in files],
        [", ".join(file.feeds) for _, file in files],
    )
    if files:
        connection.execute(
            f"insert into raw.source_files select {', '.join(['unnest(?)'] * len(columns))}",
            columns,
        )


def _rejected_sql(home: Home, loads: list[Manifest], parts: list[InForce]) -> str:
    """The rows refused by what is in force; those of a snapshot since replaced count no more."""
    columns = (
        "source as source, file as source_file, line as source_row, feed, column_name, "
        "row_text, reason, load_id"
    )
    paths = [_literal(home, path) for load in loads for path in _rejected_path(load)]
    if paths and parts:
        counting = ", ".join(
            f"({quoted(part.source)}, {quoted(part.feed)}, {quoted(part.load_id)})"
            for part in parts
        )
        return (
            f"with in_force (source, feed, load_id) as (values {counting}) "
            f"select {columns} from read_parquet([{', '.join(paths)}]) as rejected "
            "where exists (select 1 from in_force where in_force.source = rejected.source "
            "and in_force.load_id = rejected.load_id "
            "and in_force.feed = coalesce(rejected.feed, in_force.feed))"
        )
    return (
        "select cast(null as varchar) as source, cast(null as varchar) as source_file, "
        "cast(null as bigint) as source_row, cast(null as varchar) as feed, "
        "cast(null as varchar) as column_name, cast(null as varchar) as row_text, "
        "cast(null as varchar) as reason, cast(null as varchar) as load_id where false"
    )


def _literal(home: Home, relative: str) -> str:
    return quoted(str((home.path / relative).resolve()))
