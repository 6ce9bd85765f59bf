"""The lake: what every load wrote, and which of it is in force at a moment.

A load exists once its manifest does. A feed of a source that delivers snapshots is what its last
load holds; one that delivers changes is all its loads, of which staging keeps the last row per key.
A load of changes may delete keys: rows of the source that were loaded before it count no more.
"""

import hashlib
import json
from collections.abc import Container, Iterable, Iterator, Sequence
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

Mode = Literal["snapshot", "upsert", "incremental"]
"""Of an upsert nothing is known but the changes; an incremental load knows the state they make."""
MatchingRule = Literal["reference", "exact_amount", "oldest_first"]
"""Rules by which receipts without allocation are matched, in the order in which they are tried."""


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
    high_water_mark: str | None = None
    """Greatest value of the incremental column of a table so far."""


class RejectedFile(_Strict):
    """The Parquet file with the refused rows of a load; `rows` counts reasons."""

    path: str
    sha256: str
    rows: int


class ColumnOrigin(_Strict):
    """What a column of a feed was made of: columns of the file, SQL over them, or a constant."""

    columns: list[str]
    expression: str | None


class LoadedMapping(_Strict):
    """How the files of one entry of a source were mapped to one feed.

    `path` is that of the entry, `rows` what decided which rows were taken.
    """

    source: str
    feed: str
    path: str
    columns: dict[str, ColumnOrigin]
    rows: ColumnOrigin


class Manifest(_Strict):
    """Everything one load wrote; loads of earlier versions do not say their mappings.

    `matching` has the rules of the sources that changed theirs.
    """

    load_id: str
    loaded_at: str
    version: str
    feeds: list[LoadedFeed]
    raw_files: list[RawFile]
    files: list[LoadedFile]
    rejected: RejectedFile | None
    mappings: list[LoadedMapping] = []
    matching: dict[str, list[MatchingRule]] = {}
    deleted_files: list[RawFile] = []
    """Keys that sources no longer have, with the column `_source`."""

    @property
    def paths(self) -> list[tuple[str, str]]:
        """Path below home and hash of every file that it wrote."""
        files = [(file.path, file.sha256) for file in (*self.raw_files, *self.deleted_files)]
        return files + ([(self.rejected.path, self.rejected.sha256)] if self.rejected else [])

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


def matching_in_force(loads: Iterable[Manifest]) -> dict[str, list[MatchingRule]]:
    """By source, the rules of matching after some loads, given oldest first; none is no key."""
    current: dict[str, list[MatchingRule]] = {}
    for load in loads:
        current |= load.matching
    return {source: current[source] for source in sorted(current) if current[source]}


def state_digest(home: Home, known_at: datetime | None = None) -> str:
    """A hash of what is in force at a moment (default: now): equal digests, equal raw tables."""
    loads = manifests(home, known_at)
    lines = [
        f"{part.load_id}\t{part.source}\t{part.feed}\t{part.state_sha256}"
        for part in in_force(loads)
    ]
    lines += [f"{source}\t{','.join(rules)}" for source, rules in matching_in_force(loads).items()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def register(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    known_at: datetime | None = None,
    contract: Contract | None = None,
) -> None:
    """Create the schema raw over the rows in force at a moment.

    One view per feed of the contract, with its columns and those of lineage, empty where nobody
    supplied it; `raw.source_files`, `raw.rejected_rows` and `raw.matching_rules` over all loads up
    to the moment; `raw.source_columns`, how the files in force were mapped.

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
        for path, _ in load.paths:
            if not (home.path / path).is_file():
                raise DataError(
                    f"{home.path / path}: this file of load {load.load_id} is missing. "
                    "Restore it from a backup: the lake is the only copy of what was ingested."
                )
    parts = in_force(loads)
    connection.execute("create schema if not exists raw")
    for feed in (load_contract() if contract is None else contract).values():
        connection.execute(
            f"create or replace view raw.{feed.name} as {rows_sql(home, feed, loads, parts)}"
        )
    _register_source_files(connection, loads)
    _register_mappings(connection, loads, parts)
    _register_matching_rules(connection, loads)
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
        for relative, sha256 in load.paths:
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


def rows_sql(home: Home, feed: Feed, loads: Sequence[Manifest], parts: Sequence[InForce]) -> str:
    """SQL for the rows of a feed in some parts, with the columns of lineage.

    Args:
        home: Home folder.
        feed: The feed.
        loads: Loads that the parts belong to.
        parts: Of `in_force`, those whose rows are wanted.
    """
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
    rows = f"select {names} from ({' union all by name '.join(branches)})"
    deleted = _deleted_sql(home, feed, loads, parts)
    if deleted is None:
        return rows
    same_key = " and ".join(
        f"deleted.{name} is not distinct from found.{name}" for name in feed.key
    )
    return (
        f"select found.* from ({rows}) as found left join ({deleted}) as deleted "
        f"on deleted._source = found._source and {same_key} "
        "where deleted.load_id is null or deleted.load_id <= found._load_id"
    )


def _deleted_sql(
    home: Home, feed: Feed, loads: Sequence[Manifest], parts: Sequence[InForce]
) -> str | None:
    """SQL for the keys that were deleted, with the last load that did so; None if none was."""
    branches = []
    for load in loads:
        sources = [
            quoted(part.source)
            for part in parts
            if part.load_id == load.load_id and part.feed == feed.name
        ]
        branches += [
            f"select *, {quoted(load.load_id)} as load_id from read_parquet("
            f"{_literal(home, file.path)}) where _source in ({', '.join(sources)})"
            for file in load.deleted_files
            if file.feed == feed.name and sources
        ]
    if not branches:
        return None
    names = ", ".join([*feed.key, "_source"])
    return (
        f"select {names}, max(load_id) as load_id from ({' union all by name '.join(branches)}) "
        "group by all"
    )


def current_sql(home: Home, feed: Feed, loads: Sequence[Manifest], source: str) -> str:
    """SQL for what a source has of a feed after some loads: of each key the last row."""
    parts = [part for part in in_force(loads) if (part.source, part.feed) == (source, feed.name)]
    return (
        "select * exclude (recency) from (select *, row_number() over (partition by "
        f"{', '.join(feed.key)} order by _load_id desc, _source_file desc, _source_row desc) "
        f"as recency from ({rows_sql(home, feed, loads, parts)})) where recency = 1"
    )


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


def _register_mappings(
    connection: duckdb.DuckDBPyConnection, loads: list[Manifest], parts: list[InForce]
) -> None:
    """One row per column of a file and column of a feed; `*` stands for the rows of either."""
    connection.execute(
        "create or replace table raw.source_columns (source varchar, path varchar, "
        "file_column varchar, feed varchar, feed_column varchar, kind varchar, "
        "transformations varchar, expression varchar)"
    )
    counting = {(part.load_id, part.source, part.feed) for part in parts}
    rows: dict[tuple[str | None, ...], None] = {}
    for load in loads:
        for mapping in load.mappings:
            if (load.load_id, mapping.source, mapping.feed) in counting:
                rows |= dict.fromkeys(_mapping_rows(mapping))
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        connection.execute(
            f"insert into raw.source_columns select {', '.join(['unnest(?)'] * len(columns))}",
            columns,
        )


def _mapping_rows(mapping: LoadedMapping) -> Iterator[tuple[str | None, ...]]:
    place = (mapping.source, mapping.path)
    yield (*place, "*", mapping.feed, "*", "condition", "rows", None)
    for name in mapping.rows.columns:
        yield (*place, name, mapping.feed, "*", "condition", "filter", mapping.rows.expression)
    for column, origin in mapping.columns.items():
        way = "identity" if origin.expression is None else "transformation"
        for file_column in origin.columns or (None,):
            yield (*place, file_column, mapping.feed, column, "value", way, origin.expression)


def _register_matching_rules(connection: duckdb.DuckDBPyConnection, loads: list[Manifest]) -> None:
    connection.execute(
        "create or replace table raw.matching_rules (source_name varchar, matching_rule varchar)"
    )
    rows = [(name, rule) for name, rules in matching_in_force(loads).items() for rule in rules]
    if rows:
        connection.executemany("insert into raw.matching_rules values (?, ?)", rows)


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
