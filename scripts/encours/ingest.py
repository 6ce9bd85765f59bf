"""Ingestion: delivered files become one load of the lake, whole or not at all."""

import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from encours.changes import (
    RowsMissedError,
    deleted,
    deleted_feeds,
    has_effect,
    lake_files,
    settle_changes,
)
from encours.delivery import Delivered, base_of, delivered, marks_of, new_groups, tables
from encours.errors import DataError, UsageError
from encours.extracts import Reading
from encours.feeds import LINEAGE, Contract, Feed, load_contract
from encours.hashes import file_sha256
from encours.home import Home, move_whole, sync_file, write_json
from encours.lake import (
    LoadedFeed,
    LoadedFile,
    Manifest,
    MatchingRule,
    RawFile,
    RejectedFile,
    manifests,
    matching_in_force,
    quoted,
    utc,
)
from encours.origins import mappings_of
from encours.scratch import Scratch, typed
from encours.sources import Source

SHOWN_REFUSALS = 5
_LOAD_ID_FORMAT = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True)
class FileResult:
    """What became of one delivered file; a skipped one was loaded before."""

    source: str
    path: str
    status: Literal["loaded", "skipped"]
    rows_read: int = 0
    rows_accepted: int = 0
    rows_refused: int = 0
    rows_merged: int = 0
    feeds: tuple[str, ...] = ()


@dataclass(frozen=True)
class IngestResult:
    """What one ingestion did; `load_id` is None if nothing was new, neither rows nor matching."""

    load_id: str | None
    files: tuple[FileResult, ...]
    rejected: int
    messages: tuple[str, ...]


def ingest(
    home: Home,
    sources: Sequence[Source],
    inbox: Path | None,
    now: datetime,
    progress: Callable[[str], None],
    contract: Contract | None = None,
) -> IngestResult:
    """Load what the sources deliver and is not loaded yet, all of it or nothing.

    Args:
        home: Home folder; it is held during the call.
        sources: What is delivered; names must differ.
        inbox: Folder of the files; by default, for each source, that of its YAML.
        now: Moment of the load; without time zone it is taken as UTC.
        progress: Is told in a sentence what is being done.
        contract: The feeds; by default those of the project.

    Raises:
        UsageError: A source YAML does not fit its files.
        DataError: A file cannot be read, or more rows are refused than a source allows; nothing
            is loaded then, and the refused rows are in the lake.
        HomeBusyError: Another run holds the home folder.
    """
    names = [source.name for source in sources]
    for source in sources:
        if names.count(source.name) > 1:
            raise UsageError(f"{source.place('name')}: two sources have the name {source.name}.")
    feeds = load_contract() if contract is None else contract
    with home.lock():
        loads = manifests(home)
        _remove_leftovers(home, loads)
        whole: set[str] = set()
        try:
            while True:
                try:
                    files = _delivered(home, sources, inbox, loads, now, progress, feeds, whole)
                    return _load(home, sources, files, loads, now, progress, feeds)
                except RowsMissedError as missed:
                    whole.add(missed.source)
                    shutil.rmtree(home.scratch, ignore_errors=True)
                    progress(f"{missed.source}: rows came late, reading the whole tables")
        finally:
            shutil.rmtree(home.scratch, ignore_errors=True)


def _delivered(
    home: Home,
    sources: Sequence[Source],
    inbox: Path | None,
    loads: Sequence[Manifest],
    now: datetime,
    progress: Callable[[str], None],
    feeds: Contract,
    whole: Collection[str],
) -> list[Delivered]:
    """The files and tables of the sources; `whole` names those whose tables are read in full."""
    files = []
    for source in sources:
        files += delivered(source, inbox)
        marks = {} if source.name in whole else marks_of(source, loads, feeds)
        base = base_of(source, inbox)
        files += tables(
            Reading(source, home.scratch, base, feeds, marks, utc(now), progress=progress)
        )
    return files


def _load(
    home: Home,
    sources: Sequence[Source],
    files: Sequence[Delivered],
    loads: Sequence[Manifest],
    now: datetime,
    progress: Callable[[str], None],
    feeds: Contract,
) -> IngestResult:
    """Load what of the files is new."""
    groups = []
    for source in sources:
        of_source = [file for file in files if file.source is source]
        groups += new_groups(of_source, loads, feeds)
    wanted = {id(file) for group in groups for file in group.files}
    skipped = [file for file in files if id(file) not in wanted]
    matching = _changed_matching(sources, loads)
    nothing = IngestResult(None, tuple(map(_skipped, files)), 0, ("Nothing new.",))
    if not groups and not matching:
        return nothing
    load_id, loaded_at = _next_load(home, loads, now)
    new_files = [file for file in files if id(file) in wanted]
    known = lake_files(home, loads, groups)
    with Scratch.opened(home.scratch, new_files, groups, known) as scratch:
        scratch.read_all(progress)
        scratch.settle_duplicates()
        settle_changes(scratch, home, loads)
        if not has_effect(scratch) and not matching:
            return nothing
        rejected = _write_rejected(scratch, load_id)
        _stop_at_too_many(scratch, home, sources, rejected, load_id)
        progress("writing the load")
        return _commit(home, scratch, load_id, loaded_at, rejected, skipped, matching)


def _changed_matching(
    sources: Sequence[Source], loads: Sequence[Manifest]
) -> dict[str, list[MatchingRule]]:
    """The rules of matching of the sources whose rules are other than those in force."""
    current = matching_in_force(loads)
    return {
        source.name: list(source.matching)
        for source in sources
        if list(source.matching) != current.get(source.name, [])
    }


def _said_of_matching(matching: dict[str, list[MatchingRule]]) -> Iterator[str]:
    for source, rules in matching.items():
        shown = ", ".join(rules) or "no rule"
        yield f"{source}: receipts without allocation are matched by {shown} from now on."


def _remove_leftovers(home: Home, loads: Sequence[Manifest]) -> None:
    """Remove what a killed ingestion wrote and no manifest names."""
    shutil.rmtree(home.scratch, ignore_errors=True)
    committed = {load.load_id for load in loads}
    for path in [*home.lake.glob("raw/*/*.parquet"), *home.lake.glob("deleted/*/*.parquet")]:
        if path.stem not in committed:
            path.unlink()
    for path in home.lake.rglob("*.unfinished"):
        path.unlink()


def _next_load(home: Home, loads: Sequence[Manifest], now: datetime) -> tuple[str, datetime]:
    """Id and moment of the next load: never at or before an earlier one."""
    used = [load.load_id for load in loads]
    used += [path.stem for path in home.rejected.glob("*.parquet")]
    moment = utc(now)
    if used:
        last = utc(datetime.strptime(f"{max(used)}+0000", f"{_LOAD_ID_FORMAT}%z"))
        moment = max(moment, last + timedelta(microseconds=1))
    return moment.strftime(_LOAD_ID_FORMAT), moment


def _write_rejected(scratch: Scratch, load_id: str) -> Path | None:
    """Write the refused rows, if there are any, to a file in the scratch folder."""
    if not scratch.number("select count(*) from refused"):
        return None
    path = scratch.folder / "rejected.parquet"
    scratch.connection.execute(
        "create table delivered as select unnest($numbers) as file, unnest($sources) as source, "
        "unnest($labels) as label",
        {
            "numbers": list(range(len(scratch.files))),
            "sources": [file.source.name for file in scratch.files],
            "labels": [file.label for file in scratch.files],
        },
    )
    scratch.connection.execute(
        "copy (select delivered.source, delivered.label as file, refused.line, "
        "refused.column_name, refused.row_text, refused.reason, refused.feed, "
        f"{quoted(load_id)} as load_id from refused join delivered on "
        "delivered.file = refused.file order by refused.file, refused.line, refused.feed, "
        f"refused.column_name) to {quoted(str(path.resolve()))} (format parquet)"
    )
    sync_file(path)
    return path


def _stop_at_too_many(
    scratch: Scratch, home: Home, sources: Sequence[Source], rejected: Path | None, load_id: str
) -> None:
    """Keep the refused rows and load nothing if a source has more of them than it allows."""
    messages: list[str] = []
    for source in sources:
        numbers = [n for n, file in enumerate(scratch.files) if file.source is source]
        if scratch.refused_rows(numbers) > source.max_rejected_rows:
            messages += _refusals_shown(scratch, source, numbers)
    if rejected is None or not messages:
        return
    path = home.rejected / f"{load_id}.parquet"
    move_whole(rejected, path)
    raise DataError("\n".join([*messages, f"All refused rows, with their reasons: {path}"]))


def _refusals_shown(scratch: Scratch, source: Source, numbers: Sequence[int]) -> Iterator[str]:
    count, allowed = scratch.refused_rows(numbers), source.max_rejected_rows
    rows = "1 row is" if count == 1 else f"{count:,} rows are"
    yield (
        f"{source.name}: {rows} refused, {allowed:,} allowed (max_rejected_rows). "
        "Nothing is loaded."
    )
    shown = scratch.connection.execute(
        f"select file, line, column_name, reason from refused "
        f"where file in ({', '.join(map(str, numbers))}) "
        f"order by file, line, feed, column_name limit {SHOWN_REFUSALS}"
    ).fetchall()
    for number, line, column, reason in shown:
        label = f"{column}: " if column else ""
        yield f"  {scratch.files[number].label}:{line}: {label}{reason}"


def _commit(
    home: Home,
    scratch: Scratch,
    load_id: str,
    loaded_at: datetime,
    rejected: Path | None,
    skipped: Sequence[Delivered],
    matching: dict[str, list[MatchingRule]],
) -> IngestResult:
    """Move everything into the lake; the manifest last, which makes it exist."""
    loaded_feeds = [
        LoadedFeed(
            source=group.source.name,
            feed=group.feed.name,
            mode=group.mode,
            rows=scratch.number(
                f"select count(*) from {typed(group.feed)} "
                f"where _source = {quoted(group.source.name)}"
            ),
            state_sha256=group.state_sha256,
        )
        for group in scratch.groups
    ]
    small = _counts_of_batches(scratch)
    loaded_files = [
        _loaded_file(scratch, number, small.get(number)) for number in range(len(scratch.files))
    ]
    feeds = {group.feed.name: group.feed for group in scratch.groups}
    written = [_write_raw(scratch, feed, load_id, loaded_at) for feed in feeds.values()]
    gone = deleted_feeds(scratch)
    written_keys = [_write_deleted(scratch, feed) for feed in gone]
    raw_files = []
    for feed, path in zip(feeds.values(), written, strict=True):
        target = home.raw(feed.name) / f"{load_id}.parquet"
        raw_files.append(_moved(home, scratch, feed, path, target, typed(feed)))
    deleted_files = []
    for feed, path in zip(gone, written_keys, strict=True):
        target = home.deleted(feed.name) / f"{load_id}.parquet"
        deleted_files.append(_moved(home, scratch, feed, path, target, deleted(feed)))
    rejected_file = None
    if rejected is not None:
        target = home.rejected / f"{load_id}.parquet"
        rejected_file = RejectedFile(
            path=target.relative_to(home.path).as_posix(),
            sha256=file_sha256(rejected),
            rows=scratch.number("select count(*) from refused"),
        )
        move_whole(rejected, target)
    manifest = Manifest(
        load_id=load_id,
        loaded_at=f"{loaded_at.isoformat(timespec='microseconds')}+00:00",
        version=_version(),
        feeds=loaded_feeds,
        raw_files=raw_files,
        files=loaded_files,
        rejected=rejected_file,
        mappings=mappings_of(
            scratch.connection,
            scratch.groups,
            {id(file): table for file, table in zip(scratch.files, scratch.tables, strict=True)},
        ),
        deleted_files=deleted_files,
        matching=matching,
    )
    write_json(home.loads / f"{load_id}.json", manifest.model_dump(mode="json"))
    return IngestResult(
        load_id=load_id,
        files=(*map(_loaded, loaded_files), *map(_skipped, skipped)),
        rejected=sum(file.rows_refused for file in loaded_files),
        messages=(*scratch.messages, *_said_of_matching(matching)),
    )


def _write_raw(scratch: Scratch, feed: Feed, load_id: str, loaded_at: datetime) -> Path:
    """Write the accepted rows of a feed, in the order in which they were delivered."""
    path = scratch.folder / f"{feed.name}.parquet"
    columns = [column.name for column in feed.columns]
    columns += [name for name, _ in LINEAGE[:3]]
    scratch.connection.execute(
        f"copy (select {', '.join(columns)}, {quoted(load_id)} as _load_id, "
        f"cast({quoted(str(loaded_at))} as timestamp) as _loaded_at from {typed(feed)}) "
        f"to {quoted(str(path.resolve()))} (format parquet, compression zstd)"
    )
    sync_file(path)
    return path


def _write_deleted(scratch: Scratch, feed: Feed) -> Path:
    """Write the keys of a feed that are gone."""
    path = scratch.folder / f"{deleted(feed)}.parquet"
    scratch.connection.execute(
        f"copy (select * from {deleted(feed)} order by all) "
        f"to {quoted(str(path.resolve()))} (format parquet, compression zstd)"
    )
    sync_file(path)
    return path


def _moved(
    home: Home, scratch: Scratch, feed: Feed, path: Path, target: Path, table: str
) -> RawFile:
    """Move a file with the rows of a table into the lake."""
    raw = RawFile(
        feed=feed.name,
        path=target.relative_to(home.path).as_posix(),
        sha256=file_sha256(path),
        rows=scratch.number(f"select count(*) from {table}"),
    )
    move_whole(path, target)
    return raw


@dataclass(frozen=True)
class _Counts:
    """What became of the rows of a file: refused, else accepted, else merged."""

    accepted: int = 0
    refused: int = 0
    merged: int = 0


def _counts_of_batches(scratch: Scratch) -> dict[int, _Counts]:
    """Count the rows of all small files at once."""
    batched = scratch.batched
    if not batched:
        return {}
    feeds = {group.feed.name: group.feed for group in scratch.groups}
    ends = [
        "select file, line, 1 as rank from refused",
        *(f"select _file, _source_row, 2 from {typed(feed)}" for feed in feeds.values()),
        "select file, line, 3 from merged",
    ]
    found = scratch.connection.execute(
        "select file, count(*) filter (where rank = 2), count(*) filter (where rank = 1), "
        "count(*) filter (where rank = 3) from (select file, line, min(rank) as rank "
        f"from ({' union all '.join(ends)}) where file in (select unnest($files)) "
        "group by file, line) group by file",
        {"files": sorted(batched)},
    ).fetchall()
    return {number: _Counts() for number in batched} | {
        number: _Counts(*counts) for number, *counts in found
    }


def _counts(scratch: Scratch, number: int, feeds: Sequence[Feed]) -> _Counts:
    loaded = " union ".join(
        f"select _source_row as line from {typed(feed)} where _file = {number}" for feed in feeds
    )
    refused = f"select line from refused where file = {number}"
    merged = f"select distinct line from merged where file = {number}"
    if len(feeds) == 1 and not scratch.number(f"select count(*) from ({refused})"):
        accepted = scratch.number(f"select count(*) from ({loaded})")
    else:
        accepted = scratch.number(f"select count(*) from ({loaded}) where line not in ({refused})")
    return _Counts(
        accepted,
        scratch.refused_rows([number]),
        scratch.number(
            f"select count(*) from ({merged}) where line not in ({refused}) "
            f"and line not in ({loaded})"
        ),
    )


def _loaded_file(scratch: Scratch, number: int, counts: _Counts | None) -> LoadedFile:
    file = scratch.files[number]
    feeds = [group.feed for group in scratch.groups_of(file)]
    counts = counts or _counts(scratch, number, feeds)
    return LoadedFile(
        source=file.source.name,
        path=file.label,
        sha256=file.sha256,
        bytes=file.size,
        rows_read=scratch.tables[number].rows_read,
        rows_accepted=counts.accepted,
        rows_refused=counts.refused,
        rows_merged=counts.merged,
        feeds=[feed.name for feed in feeds],
        mapping_sha256={feed.name: scratch.mapping_sha256(file, feed) for feed in feeds},
        high_water_mark=file.extract.high_water_mark if file.extract else None,
    )


def _loaded(file: LoadedFile) -> FileResult:
    return FileResult(
        source=file.source,
        path=file.path,
        status="loaded",
        rows_read=file.rows_read,
        rows_accepted=file.rows_accepted,
        rows_refused=file.rows_refused,
        rows_merged=file.rows_merged,
        feeds=tuple(file.feeds),
    )


def _skipped(file: Delivered) -> FileResult:
    return FileResult(file.source.name, file.label, "skipped", feeds=tuple(file.spec.feeds))


def _version() -> str:
    try:
        return version("encours")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "unknown"
