"""What a source would do: read the head of its files and say what maps to what."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from encours.delivery import Delivered, Group, base_of, database_entries, delivered, tables
from encours.errors import EncoursError
from encours.extracts import Reading
from encours.fec import unused_columns
from encours.feeds import Contract, Feed, load_contract
from encours.scratch import Scratch, typed
from encours.sources import Source, mentioned

HEAD_ROWS = 1000
SHOWN_REFUSALS = 20


@dataclass(frozen=True)
class CheckedFeed:
    """What a file gives to a feed: `mapped` pairs columns with origins, `empty` has none."""

    feed: str
    mapped: tuple[tuple[str, str], ...]
    empty: tuple[str, ...]
    rows: int


@dataclass(frozen=True)
class RefusedRow:
    """A row that would be refused, for one reason; `column` pairs column and origin."""

    line: int
    feed: str | None
    column: str | None
    reason: str
    text: str


@dataclass(frozen=True)
class CheckedFile:
    """What the head of one file would give; `error` is why it cannot be read at all."""

    path: str
    rows_read: int = 0
    feeds: tuple[CheckedFeed, ...] = ()
    unused_columns: tuple[str, ...] = ()
    refused: tuple[RefusedRow, ...] = ()
    error: EncoursError | None = None


@dataclass(frozen=True)
class SourceReport:
    """What a source would do with the files that are delivered."""

    source: str
    files: tuple[CheckedFile, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """What stops an ingestion, or refuses rows of it; none if all is well."""
        found = []
        for file in self.files:
            if file.error:
                found.append(str(file.error))
            for row in file.refused:
                column = f"{row.column}: " if row.column else ""
                found.append(f"{file.path}:{row.line}: {column}{row.reason}")
        return tuple(found)

    def lines(self) -> Iterator[str]:
        """The report as lines of plain text."""
        for file in self.files:
            yield f"{self.source}: {file.path}"
            if file.error:
                yield f"  cannot be read: {file.error}"
                continue
            for feed in file.feeds:
                yield f"  feed {feed.feed}: {feed.rows:,} of the first {file.rows_read:,} rows"
                width = max(len(column) for column, _ in feed.mapped)
                for column, origin in feed.mapped:
                    yield f"    {column:<{width}} <- {origin}"
                if feed.empty:
                    yield f"    left empty: {', '.join(feed.empty)}"
            if file.unused_columns:
                yield f"  columns not used: {', '.join(file.unused_columns)}"
            refused = len({row.line for row in file.refused})
            yield f"  rows that would be refused: {refused:,}"
            for row in file.refused[:SHOWN_REFUSALS]:
                column = f"{row.column}: " if row.column else ""
                yield f"    line {row.line}: {column}{row.reason}"
            if len(file.refused) > SHOWN_REFUSALS:
                yield f"    and {len(file.refused) - SHOWN_REFUSALS:,} more reasons"


def check_source(
    source: Source, inbox: Path | None = None, contract: Contract | None = None
) -> SourceReport:
    """Read the head of the files of a source and say what would become of it; loads nothing.

    Args:
        source: The source.
        inbox: Folder of the files; by default that of the source YAML.
        contract: The feeds; by default those of the project.

    Raises:
        DataError: An entry that is not optional matches no file.
    """
    feeds = load_contract() if contract is None else contract
    files = []
    for file in delivered(source, inbox):
        try:
            files.append(_check(file, feeds))
        except EncoursError as error:
            files.append(CheckedFile(file.label, error=error))
    with tempfile.TemporaryDirectory(prefix="encours-") as folder:
        base = base_of(source, inbox)
        reading = Reading(source, Path(folder), base, feeds, limit=HEAD_ROWS + 1)
        for entry in database_entries(source):
            try:
                files += [_check(file, feeds) for file in tables(reading, [entry])]
            except EncoursError as error:
                files.append(CheckedFile(source.files[entry].path, error=error))
    return SourceReport(source.name, tuple(files))


def _check(file: Delivered, contract: Contract) -> CheckedFile:
    feeds = [contract[name] for name in file.spec.feeds]
    groups = [Group(file.source, feed, (file,), state_sha256="") for feed in feeds]
    with (
        tempfile.TemporaryDirectory(prefix="encours-") as folder,
        Scratch.opened(Path(folder), [file], groups) as scratch,
    ):
        scratch.read_all(lambda _: None, HEAD_ROWS)
        scratch.settle_duplicates()
        refused = scratch.connection.execute(
            "select line, feed, column_name, reason, row_text from refused "
            "order by line, feed, column_name"
        ).fetchall()
        checked = [_checked_feed(scratch, file, feed) for feed in feeds]
        table = scratch.tables[0]
    return CheckedFile(
        path=file.label,
        rows_read=table.rows_read,
        feeds=tuple(checked),
        unused_columns=_unused(file, feeds, table.columns),
        refused=tuple(RefusedRow(*row) for row in refused),
    )


def _checked_feed(scratch: Scratch, file: Delivered, feed: Feed) -> CheckedFeed:
    mapped = {name: origin.origin for name, origin in file.source.mapped(file.spec, feed).items()}
    return CheckedFeed(
        feed=feed.name,
        mapped=tuple(mapped.items()),
        empty=tuple(column.name for column in feed.columns if column.name not in mapped),
        rows=scratch.number(f"select count(*) from {typed(feed)}"),
    )


def _unused(file: Delivered, feeds: Sequence[Feed], columns: Sequence[str]) -> tuple[str, ...]:
    """Columns of the file that nothing maps and no SQL mentions."""
    if file.spec.format == "fec":
        return unused_columns(tuple(columns))
    used = {name for feed in feeds for name in mentioned(file.spec.feeds[feed.name])}
    return tuple(column for column in columns if column and column.lower() not in used)
