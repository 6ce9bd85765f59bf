"""Text files: decoded strictly, cut into records, each with the line it begins on.

A text file is rewritten as UTF-8 in which every record carries its line number, because DuckDB
numbers records and not lines, and numbers only those that it refuses. Whatever is not a record of
the expected number of fields never reaches the rewritten file. The work is done on blocks of bytes
with NumPy: no loop over rows, and memory that does not grow with the file.
"""

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from encours.errors import DataError

BLOCK_BYTES = 4 << 20
RECORD_BYTES = 2_000_000
"""The longest record; a longer one is a quote that is never closed."""
REFUSALS = 100_000
"""The most records that may not fit the header before the file as a whole is refused."""

NUMBER_DIGITS = 10
UNIT_SEPARATOR = "\x1f"
"""Delimiter for text that has none of its own."""

_LINE_FEED, _CARRIAGE_RETURN = 10, 13
_CONTROL_CHARACTER = re.compile("[\x80-\x9f]")
_SIGNATURES = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive or an Excel workbook (xlsx)",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (xls)",
    b"\x1f\x8b": "compressed with gzip",
    b"PAR1": "a Parquet file",
}

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Refusal:
    """A record that is not one row of the file, and why."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True)
class Dialect:
    """How records are written; `quote` empty means that nothing is quoted."""

    encoding: str
    delimiter: str
    quote: str


@dataclass(frozen=True)
class Records:
    """What a text file holds besides the records that were rewritten."""

    header: tuple[str, ...] | None
    accepted: int
    refusals: tuple[Refusal, ...]
    ends_with_line_feed: bool


def looks_like_utf8(path: Path, encoding: str) -> bool:
    """Whether a file that is said to be in an encoding of one byte per character is UTF-8.

    Every byte means something in such an encoding, so reading it never fails; but text in one of
    them that happens to be valid UTF-8, and not plain ASCII, is next to impossible.

    Args:
        path: The file.
        encoding: The encoding it is said to be in; others than of one byte are never in doubt.
    """
    two_bytes = "é".encode()
    if len(two_bytes.decode(encoding, "replace")) != len(two_bytes):
        return False
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    is_ascii = True
    with path.open("rb") as stream:
        try:
            while block := stream.read(1 << 20):
                is_ascii = is_ascii and block.isascii()
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return not is_ascii


def rewrite(
    path: Path,
    target: Path,
    label: str,
    dialect: Dialect,
    *,
    has_header: bool = True,
    limit: int | None = None,
) -> Records:
    """Rewrite the records of a text file as UTF-8 lines that begin with their line number.

    Args:
        path: The file as it was delivered.
        target: Where to write: the line in ten digits, the delimiter, the record, a line feed.
        label: Name of the file in messages.
        dialect: How it is written.
        has_header: Whether the first record names the fields; without, every line is one field.
        limit: Stop after about so many records; by default at the end.

    Raises:
        DataError: The file is no text of that encoding, or its records cannot be told apart.
    """
    with path.open("rb") as stream:
        start = stream.read(4)
        for signature, kind in _SIGNATURES.items():
            if start.startswith(signature):
                raise DataError(f"{label}: this is {kind}, not text. Deliver the export itself.")
        stream.seek(0)
        with target.open("wb") as output:
            splitter = _Splitter(label, dialect, output, has_header)
            for block in _decoded(stream, label, dialect.encoding):
                splitter.take(block)
                if limit is not None and splitter.accepted >= limit:
                    break
            else:
                splitter.finish()
    return Records(
        header=splitter.header,
        accepted=splitter.accepted,
        refusals=tuple(splitter.refusals),
        ends_with_line_feed=splitter.ends_with_line_feed,
    )


def _decoded(stream: BinaryIO, label: str, encoding: str) -> Iterator[bytes]:
    """Yield the text of a stream as UTF-8 without byte order mark, block by block."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    name = codecs.lookup(encoding).name
    lines = 1
    at_start = True
    while True:
        block = stream.read(BLOCK_BYTES)
        if at_start and block[:2] in (b"\xff\xfe", b"\xfe\xff") and not name.startswith("utf-16"):
            raise DataError(
                f"{label}: line 1: the file is UTF-16, not {encoding}. "
                "Set encoding: utf-16 in the source YAML."
            )
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            line = lines + error.object[: error.start].count(b"\n")
            raise DataError(_undecodable(label, line, encoding, error)) from error
        if at_start and text:
            text = text.removeprefix("\ufeff")
            at_start = False
        if name.startswith("iso8859") and (control := _CONTROL_CHARACTER.search(text)):
            line = lines + text.count("\n", 0, control.start())
            raise DataError(
                f"{label}: line {line}: byte 0x{ord(control[0]):02X} is no letter in {encoding}. "
                "The file is probably Windows text: set encoding: cp1252 in the source YAML."
            )
        if (place := text.find("\0")) >= 0:
            line = lines + text.count("\n", 0, place)
            raise DataError(
                f"{label}: line {line}: holds a NUL byte, so this is not {encoding} text. "
                "Export the file again, or set the encoding (utf-16?) in the source YAML."
            )
        lines += text.count("\n")
        if text:
            yield text.encode()
        if not block:
            return


def _undecodable(label: str, line: int, encoding: str, error: UnicodeDecodeError) -> str:
    found = f"{label}: line {line}: byte 0x{error.object[error.start]:02X} is not {encoding} text. "
    if codecs.lookup(encoding).name == "utf-8":
        return found + (
            "If the file comes from Windows, set encoding: cp1252 in the source YAML; "
            "from an older system, latin-1."
        )
    return found + "Set the encoding that the file was written in."


class _Splitter:
    """Cuts UTF-8 blocks into records and writes the good ones with their line numbers."""

    def __init__(self, label: str, dialect: Dialect, output: BinaryIO, has_header: bool) -> None:
        self.header: tuple[str, ...] | None = None
        self.accepted = 0
        self.refusals: list[Refusal] = []
        self.ends_with_line_feed = True
        self._label = label
        self._dialect = dialect
        self._output = output
        self._awaits_header = has_header
        self._width = 1
        self._line = 1
        self._rest = b""
        self._delimiter = ord(dialect.delimiter)
        self._quote = ord(dialect.quote) if dialect.quote else -1

    def take(self, block: bytes) -> None:
        """Write the records that end in this block or before, and keep the rest."""
        content = self._rest + block
        data: Bytes = np.frombuffer(content, np.uint8)
        quotes, inside = self._quotes(data)
        line_feeds: Places = np.flatnonzero(data == _LINE_FEED)
        ends = line_feeds[~inside[line_feeds]]
        if self._awaits_header and len(ends):
            self._read_header(content[: int(ends[0])])
        if len(ends):
            end = int(ends[-1]) + 1
            self._write(content, data[:end], quotes[quotes < end], inside[:end], line_feeds, ends)
            self._rest = content[end:]
        else:
            self._rest = content
        if len(self._rest) > RECORD_BYTES:
            raise self._unclosed()

    def finish(self) -> None:
        """Write the last record, which may lack its line feed."""
        if not self._rest:
            return
        self.ends_with_line_feed = False
        before = len(self.refusals)
        self.take(b"\n")
        if self._rest:
            raise self._unclosed()
        for last in self.refusals[before:]:
            reason = last.reason + "; the file ends here without a line end, it may be cut off"
            self.refusals[-1] = replace(last, reason=reason)

    def _quotes(self, data: Bytes) -> tuple[Places, Flags]:
        """Places of the quotes, and for every byte whether it is inside a quoted field."""
        if self._quote < 0:
            return np.empty(0, np.int64), np.zeros(len(data), np.bool_)
        is_quote = data == self._quote
        # The sum wraps around at 256, which leaves its parity as it is.
        inside = (np.cumsum(is_quote, dtype=np.uint8) & 1).astype(np.bool_)
        return np.flatnonzero(is_quote), inside

    def _read_header(self, record: bytes) -> None:
        text = record.decode()
        try:
            names = next(
                csv.reader(
                    [text.removesuffix("\r")],
                    delimiter=self._dialect.delimiter,
                    quotechar=self._dialect.quote or None,
                    quoting=csv.QUOTE_MINIMAL if self._dialect.quote else csv.QUOTE_NONE,
                    strict=True,
                ),
                [],
            )
        except csv.Error as error:
            raise DataError(
                f"{self._label}: line 1: the header cannot be read ({error}). "
                "Check delimiter and quote in the source YAML."
            ) from error
        self.header = tuple(name.strip() for name in names)
        self._width = len(names)

    def _write(
        self,
        content: bytes,
        data: Bytes,
        quotes: Places,
        inside: Flags,
        line_feeds: Places,
        ends: Places,
    ) -> None:
        starts = np.concatenate((np.zeros(1, np.int64), ends[:-1] + 1))
        lines_after = np.searchsorted(line_feeds, ends) + 1
        lines_before = np.concatenate((np.zeros(1, np.int64), lines_after[:-1]))
        numbers = self._line + lines_before
        stray = self._stray_quotes(data, quotes, inside)
        torn = np.searchsorted(ends, stray)
        if np.any(lines_after[torn] - lines_before[torn] > 1):
            first = int(stray[np.argmax(lines_after[torn] - lines_before[torn] > 1)])
            raise self._torn(self._line + int(np.searchsorted(line_feeds, first)))
        self._line += int(lines_after[-1])

        stops = ends - ((ends > starts) & (data[ends - 1] == _CARRIAGE_RETURN))
        returns: Places = np.flatnonzero((data == _CARRIAGE_RETURN) & ~inside)
        returns = returns[data[returns + 1] != _LINE_FEED]
        delimiters: Places = np.flatnonzero((data == self._delimiter) & ~inside)
        widths = np.searchsorted(delimiters, ends) - np.searchsorted(delimiters, starts) + 1
        blank = stops == starts
        has_stray = np.zeros(len(ends), np.bool_)
        has_stray[torn] = True
        has_return = np.zeros(len(ends), np.bool_)
        has_return[np.searchsorted(ends, returns)] = True
        good = ~blank & ~has_stray & ~has_return & (widths == self._width)
        if self._awaits_header:
            good[0], blank[0] = False, True
            self._awaits_header = False
        for index in np.flatnonzero(~good & ~blank).tolist():
            text = content[int(starts[index]) : int(stops[index])].decode()
            if has_stray[index]:
                reason = self._stray_reason()
            elif has_return[index]:
                reason = "a carriage return stands in the middle of the line"
            elif self.header is None:
                reason = "holds a control character"
            else:
                reason = f"has {widths[index]} fields where the header has {self._width}"
            self.refusals.append(Refusal(int(numbers[index]), text, reason))
        if len(self.refusals) > REFUSALS:
            sample = self.refusals[0]
            raise DataError(
                f"{self._label}: line {sample.line}: {sample.reason}. So it is with more than "
                f"{REFUSALS:,} records. Check delimiter and quote in the source YAML."
            )
        self.accepted += int(good.sum())
        self._put(data, starts[good], stops[good], numbers[good])

    def _put(self, data: Bytes, starts: Places, stops: Places, numbers: Places) -> None:
        lengths = stops - starts
        out_starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
        out_starts += np.arange(len(lengths) + 1) * (NUMBER_DIGITS + 2)
        written = np.empty(int(out_starts[-1]), np.uint8)
        is_content = np.ones(len(written), np.bool_)
        digits = numbers[:, None] // 10 ** np.arange(NUMBER_DIGITS - 1, -1, -1) % 10 + ord("0")
        places = out_starts[:-1, None] + np.arange(NUMBER_DIGITS)
        written[places] = digits.astype(np.uint8)
        is_content[places] = False
        for places, character in (
            (out_starts[:-1] + NUMBER_DIGITS, self._delimiter),
            (out_starts[1:] - 1, _LINE_FEED),
        ):
            written[places] = character
            is_content[places] = False
        edges = np.zeros(len(data) + 1, np.int8)
        edges[starts] += 1
        edges[stops] -= 1
        written[is_content] = data[np.cumsum(edges[:-1], dtype=np.int8).astype(np.bool_)]
        self._output.write(written.tobytes())

    def _stray_quotes(self, data: Bytes, quotes: Places, inside: Flags) -> Places:
        """Quotes that neither begin nor end a field nor are doubled within one."""
        if not len(quotes):
            return quotes
        opens = inside[quotes]
        before = np.where(quotes > 0, data[quotes - 1], _LINE_FEED)
        after = data[np.minimum(quotes + 1, len(data) - 1)]
        after_return = data[np.minimum(quotes + 2, len(data) - 1)]
        begins = np.isin(before, (self._delimiter, _LINE_FEED, self._quote))
        closes = np.isin(after, (self._delimiter, _LINE_FEED, self._quote)) | (
            (after == _CARRIAGE_RETURN) & (after_return == _LINE_FEED)
        )
        return quotes[np.where(opens, ~begins, ~closes)]

    def _stray_reason(self) -> str:
        return (
            f"a quote ({self._dialect.quote}) stands in the middle of a field; "
            "put the field in quotes and double those inside it"
        )

    def _torn(self, line: int) -> DataError:
        return DataError(
            f"{self._label}: line {line}: {self._stray_reason()}. "
            "From here on it is not certain where rows end, so nothing of the file is taken. "
            "If the export never quotes its fields, set quote: '' in the source YAML."
        )

    def _unclosed(self) -> DataError:
        data: Bytes = np.frombuffer(self._rest, np.uint8)
        quotes, inside = self._quotes(data)
        stray = self._stray_quotes(data, quotes, inside)
        opening = stray if len(stray) else quotes[inside[quotes]][-1:]
        if not len(opening):
            return DataError(
                f"{self._label}: line {self._line}: is longer than {RECORD_BYTES:,} bytes. "
                "Check that this is the export, and that its lines end with a line feed."
            )
        line = self._line + self._rest[: int(opening[0])].count(b"\n")
        if len(stray):
            return self._torn(line)
        return DataError(
            f"{self._label}: line {line}: a quoted field begins here and is never closed. "
            "The file is cut off, or a quote is missing. Export it again."
        )
