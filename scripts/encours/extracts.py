"""What is read of a database, and how: shared by what reads it and what loads it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from encours.feeds import Contract
from encours.sources import Source
from encours.text import Refusal


@dataclass(frozen=True)
class ExtractedRows:
    """Rows of a database, written as records; those with refusals are not among them."""

    path: Path
    columns: tuple[str, ...]
    count: int
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True)
class TableExtract:
    """What was read of a table or query.

    Attributes:
        rows: All rows, or those that may have changed since the last load.
        keys: The columns of the keys, of all rows; None if `rows` are all of them, or if nobody
            asks for deletions.
        sha256: Hash of the content, whatever the order of the rows.
        high_water_mark: Greatest value of the incremental column so far, as text.
    """

    rows: ExtractedRows
    keys: ExtractedRows | None
    sha256: str
    high_water_mark: str | None


@dataclass(frozen=True)
class Reading:
    """What to read of a source, and where to put it.

    Attributes:
        source: The source.
        folder: Folder of the files that are written.
        base: Folder that the files of SQLite are relative to.
        contract: The feeds.
        marks: By entry, the greatest value of the incremental column that was loaded.
        now: Start of the run, in UTC; later values than a day after it raise no mark.
        limit: About so many rows of each table, with all its columns; by default all rows.
        progress: Is told in a sentence what is being done.
    """

    source: Source
    folder: Path
    base: Path
    contract: Contract
    marks: Mapping[int, str] = field(default_factory=dict)
    now: datetime | None = None
    limit: int | None = None
    progress: Callable[[str], None] = field(default=lambda _: None)

    def place(self, entry: int, *inside: str) -> str:
        """How messages name a place in the YAML."""
        return self.source.place("files", entry, *inside)
