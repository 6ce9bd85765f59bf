"""What was delivered: the files and tables that a source matches, and which of them are new."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from encours.errors import DataError
from encours.extracts import Reading, TableExtract
from encours.feeds import Contract, Feed
from encours.hashes import file_sha256
from encours.lake import InForce, LoadedFile, Manifest, Mode, in_force
from encours.sources import FileSpec, Source


@dataclass(frozen=True)
class Delivered:
    """A file that an entry of a source matches; `label` is its path below the inbox.

    Of a table or query, `path` is what was read of it, and `sha256` knows no order of the rows.
    """

    source: Source
    entry: int
    path: Path
    label: str
    sha256: str
    size: int
    modified_ns: int
    extract: TableExtract | None = None

    @property
    def spec(self) -> FileSpec:
        """The entry of the source that matches it."""
        return self.source.files[self.entry]


@dataclass(frozen=True)
class Group:
    """All files delivered for one feed of one source, in the order in which they count."""

    source: Source
    feed: Feed
    files: tuple[Delivered, ...]
    state_sha256: str

    @property
    def is_snapshot(self) -> bool:
        """Whether the files are the whole state of the feed."""
        return self.mode == "snapshot"

    @property
    def mode(self) -> Mode:
        """How the files change what is in the lake."""
        spec = self.files[0].spec
        return "incremental" if spec.incremental else spec.load


def matched_files(source: Source, inbox: Path | None) -> Iterator[tuple[int, Path, str]]:
    """Yield entry number, path and label of the files of a source.

    Args:
        source: The source.
        inbox: Folder the paths are relative to; by default that of the source YAML.

    Raises:
        DataError: An entry that is not optional matches no file.
    """
    base = base_of(source, inbox)
    for entry, spec in enumerate(source.files):
        if spec.format == "sql":
            continue
        pattern = Path(spec.path)
        root = Path(pattern.anchor) if pattern.is_absolute() else base
        relative = pattern.relative_to(pattern.anchor) if pattern.is_absolute() else pattern
        is_glob = any(character in spec.path for character in "*?[")
        found = root.glob(str(relative)) if is_glob else [root / relative]
        paths = sorted(path for path in found if path.is_file() and not _is_leftover(path, is_glob))
        if not paths and not spec.optional:
            raise DataError(
                f"{source.place('files', entry, 'path')}: no file matches {root / relative}. "
                "Deliver it, or set optional: true if it may be absent."
            )
        for path in paths:
            label = path.relative_to(base) if path.is_relative_to(base) else path
            yield entry, path, label.as_posix()


def delivered(source: Source, inbox: Path | None) -> list[Delivered]:
    """Find and hash the files of a source, in the order in which they count.

    Raises:
        DataError: A file is missing or cannot be read.
    """
    files = []
    for entry, path, label in matched_files(source, inbox):
        try:
            status, sha256 = path.stat(), file_sha256(path)
        except OSError as error:
            raise DataError(f"{label}: cannot be read: {error.strerror}.") from error
        files.append(
            Delivered(source, entry, path, label, sha256, status.st_size, status.st_mtime_ns)
        )
    return sorted(files, key=lambda file: (file.label, file.entry))


def tables(reading: Reading, entries: Sequence[int] | None = None) -> list[Delivered]:
    """Read what a source takes from databases.

    Args:
        reading: Of which source, and how.
        entries: Entries to read; by default all that read a database.

    Raises:
        UsageError: The environment or the YAML does not say what to read.
        DataError: A database cannot be reached or does not have it.
    """
    source = reading.source
    if entries is None:
        entries = database_entries(source)
    if not entries:
        return []
    from encours.databases import extracts  # noqa: PLC0415 - its library takes time to load

    reading.folder.mkdir(parents=True, exist_ok=True)
    return [
        Delivered(
            source=source,
            entry=entry,
            path=extract.rows.path,
            label=source.files[entry].path,
            sha256=extract.sha256,
            size=extract.rows.path.stat().st_size,
            modified_ns=0,
            extract=extract,
        )
        for entry, extract in extracts(reading, entries)
    ]


def database_entries(source: Source) -> list[int]:
    """Numbers of the entries that read a database."""
    return [entry for entry, spec in enumerate(source.files) if spec.format == "sql"]


def base_of(source: Source, inbox: Path | None) -> Path:
    """Folder that the paths of a source are relative to."""
    return source.path.parent if inbox is None else inbox


def marks_of(source: Source, loads: Sequence[Manifest], contract: Contract) -> dict[int, str]:
    """By entry, where the last load left off; without one that still counts, nothing is left out.

    Args:
        source: The source.
        loads: All loads, oldest first.
        contract: The feeds.
    """
    counting = {(part.load_id, part.feed) for part in in_force(loads) if part.source == source.name}
    marks = {}
    for entry in database_entries(source):
        spec = source.files[entry]
        mappings = {name: mapping_sha256(source, entry, contract[name]) for name in spec.feeds}
        last = _last_loaded(source, spec.path, loads)
        if spec.incremental is None or last is None:
            continue
        load_id, file = last
        counts = all((load_id, name) in counting for name in spec.feeds)
        if counts and file.mapping_sha256 == mappings and file.high_water_mark is not None:
            marks[entry] = file.high_water_mark
    return marks


def _last_loaded(
    source: Source, path: str, loads: Sequence[Manifest], feed: str | None = None
) -> tuple[str, LoadedFile] | None:
    """The last load of a table or query, for any feed or for one."""
    for load in reversed(loads):
        for file in load.files:
            if (file.source, file.path) == (source.name, path) and feed in (None, *file.feeds):
                return load.load_id, file
    return None


def mapping_sha256(source: Source, entry: int, feed: Feed) -> str:
    """Hash of everything in a source YAML that decides what a file gives to a feed."""
    spec = source.files[entry]
    # Without defaults, so that an option added to the program later changes no hash.
    elsewhere = {"path", "optional", "allow_empty", "feeds", "database", "incremental"}
    reading = spec.model_dump(mode="json", exclude=elsewhere, exclude_defaults=True)
    if spec.incremental:
        reading["incremental"] = spec.incremental.column
    own = spec.feeds[feed.name].model_dump(mode="json", exclude={"columns"}, exclude_defaults=True)
    columns = {
        name: mapping.model_dump(mode="json", exclude_defaults=True)
        for name, mapping in source.mapped(spec, feed).items()
    }
    content = {"reading": reading, "rows": own, "columns": columns}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def new_groups(
    files: Sequence[Delivered], loads: Sequence[Manifest], contract: Contract
) -> list[Group]:
    """Of the files of one source, what is not yet loaded, by feed.

    A snapshot is new unless it is the current state; a file of changes is new unless it was
    loaded before, read in the same way; a table unless it is as last loaded.
    """
    if not files:
        return []
    source = files[0].source
    parts = [part for part in in_force(loads) if part.source == source.name]
    groups = []
    changed = any(
        _not_loaded([file], contract[name], parts, loads)
        for file in files
        if file.spec.incremental
        for name in file.spec.feeds
    )
    for name in dict.fromkeys(name for spec in source.files for name in spec.feeds):
        feed = contract[name]
        of_feed = [file for file in files if name in file.spec.feeds]
        if of_feed and of_feed[0].spec.load == "upsert":
            # What one table lacks another may have, so those read in part are new together.
            unknown = _not_loaded(of_feed, feed, parts, loads)
            of_feed = of_feed if of_feed[0].spec.incremental and changed else unknown
        if not of_feed:
            continue
        group = Group(source, feed, tuple(of_feed), _state_sha256(of_feed, feed))
        current = [part.state_sha256 for part in parts if part.feed == name]
        if not group.is_snapshot or current != [group.state_sha256]:
            groups.append(group)
    return groups


def _not_loaded(
    files: Sequence[Delivered], feed: Feed, parts: Sequence[InForce], loads: Sequence[Manifest]
) -> list[Delivered]:
    counting = {part.load_id for part in parts if part.feed == feed.name}
    known = {
        _content(file, feed)
        for load in loads
        if load.load_id in counting
        for file in load.files
        if file.source == files[0].source.name
    }
    new = []
    mappings = _mappings(files, feed)
    for file in files:
        content = (file.sha256, mappings[file.entry])
        if file.extract is not None:
            # A table may go back to an earlier state, which is then new again.
            last = _last_loaded(file.source, file.label, loads, feed.name)
            if last is None or last[0] not in counting or content != _content(last[1], feed):
                new.append(file)
        elif content not in known:
            known.add(content)
            new.append(file)
    return new


def _content(file: LoadedFile, feed: Feed) -> tuple[str, str | None]:
    return file.sha256, file.mapping_sha256.get(feed.name)


def _mappings(files: Sequence[Delivered], feed: Feed) -> dict[int, str]:
    """By entry, the hash of its mapping; the files are of one source."""
    source = files[0].source
    return {entry: mapping_sha256(source, entry, feed) for entry in {file.entry for file in files}}


def _state_sha256(files: Sequence[Delivered], feed: Feed) -> str:
    mappings = _mappings(files, feed)
    states = [f"{file.sha256} {mappings[file.entry]}" for file in files]
    return hashlib.sha256("\n".join(states).encode()).hexdigest()


def check_unchanged(file: Delivered) -> None:
    """Make sure that a file is the one that was hashed.

    Raises:
        DataError: It was written to since.
    """
    status = file.path.stat()
    if (status.st_size, status.st_mtime_ns) != (file.size, file.modified_ns):
        raise DataError(f"{file.label}: changed while it was read. Run again once it is complete.")


def _is_leftover(path: Path, is_glob: bool) -> bool:
    # What Excel and copying tools leave beside the real files is not meant by a *.
    return is_glob and path.name.startswith(("~$", "."))
