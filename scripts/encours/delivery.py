"""What was delivered: the files that a source matches, and which of them are new."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from encours.errors import DataError
from encours.feeds import Contract, Feed
from encours.hashes import file_sha256
from encours.lake import InForce, Manifest, in_force
from encours.sources import FileSpec, Source


@dataclass(frozen=True)
class Delivered:
    """A file that an entry of a source matches; `label` is its path below the inbox."""

    source: Source
    entry: int
    path: Path
    label: str
    sha256: str
    size: int
    modified_ns: int

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
        return self.files[0].spec.load == "snapshot"


def matched_files(source: Source, inbox: Path | None) -> Iterator[tuple[int, Path, str]]:
    """Yield entry number, path and label of the files of a source.

    Args:
        source: The source.
        inbox: Folder the paths are relative to; by default that of the source YAML.

    Raises:
        DataError: An entry that is not optional matches no file.
    """
    base = source.path.parent if inbox is None else inbox
    for entry, spec in enumerate(source.files):
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


def mapping_sha256(source: Source, entry: int, feed: Feed) -> str:
    """Hash of everything in a source YAML that decides what a file gives to a feed."""
    spec = source.files[entry]
    # Without defaults, so that an option added to the program later changes no hash.
    reading = spec.model_dump(
        mode="json", exclude={"path", "optional", "allow_empty", "feeds"}, exclude_defaults=True
    )
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
    loaded before, read in the same way.
    """
    if not files:
        return []
    source = files[0].source
    parts = [part for part in in_force(loads) if part.source == source.name]
    groups = []
    for name in dict.fromkeys(name for spec in source.files for name in spec.feeds):
        feed = contract[name]
        of_feed = [file for file in files if name in file.spec.feeds]
        if of_feed and of_feed[0].spec.load == "upsert":
            of_feed = _not_loaded(of_feed, feed, parts, loads)
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
        (file.sha256, file.mapping_sha256.get(feed.name))
        for load in loads
        if load.load_id in counting
        for file in load.files
        if file.source == files[0].source.name
    }
    new = []
    mappings = _mappings(files, feed)
    for file in files:
        content = (file.sha256, mappings[file.entry])
        if content not in known:
            known.add(content)
            new.append(file)
    return new


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
