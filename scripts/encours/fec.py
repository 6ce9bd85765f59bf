"""The French ledger export (FEC, article A47 A-1 LPF): its text, whatever wrote it, as lines.

The law fixes 18 columns; exporters differ in encoding, separator, line ends, capitals, and in how
they write amounts and dates. What can be told from the file is told from it; what cannot is
refused with its line. How lines become items is in `fec_ledger` (ADR 0017).
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from encours.errors import DataError
from encours.lake import quoted
from encours.readers import LINE, Request, Table, create_table
from encours.text import BLOCK_BYTES, Dialect, rewrite

HEAD_BYTES = 1 << 16
SAMPLE_LINES = 200
CHARACTER_BYTES = 4
ACCENTS_CP1252 = set("éèêëàâçîïôùûüÉÈÀÇ°€".encode("cp1252"))
ACCENTS_CP850 = set("éèêëàâçîïôùûüÉÀÇ".encode("cp850"))

COLUMNS = {
    "journalcode": "journal",
    "journallib": "journal_name",
    "ecriturenum": "number",
    "ecrituredate": "day",
    "comptenum": "account",
    "comptelib": "account_name",
    "compauxnum": "auxiliary",
    "compteauxnum": "auxiliary",
    "compauxlib": "auxiliary_name",
    "compteauxlib": "auxiliary_name",
    "pieceref": "piece",
    "piecedate": "piece_day",
    "ecriturelib": "label",
    "debit": "debit",
    "credit": "credit",
    "montant": "value",
    "sens": "side",
    "ecriturelet": "letter",
    "datelet": "letter_day",
}
"""Columns by their name without capitals and signs; those of the law that are not used lack."""

REQUIRED = ("journal", "day", "account")
_OFFICIAL = {"validdate", "montantdevise", "idevise", *COLUMNS}
_ASCII = bytes(range(0x80))
_BLANKS = " \t\r\n\u00a0\u202f"


@dataclass(frozen=True)
class _Look:
    """How a file is written, as far as its bytes say."""

    encoding: str
    delimiter: str
    quote: str
    header: tuple[str, ...]


def read_fec(connection: duckdb.DuckDBPyConnection, request: Request) -> Table:
    """Read one FEC into a table of text columns.

    Raises:
        DataError: It is no FEC: no header of its columns, or no text in a known encoding.
    """
    label = request.label
    plain = request.folder / f"{request.name}.plain"
    look = _look(request.path, label, request.spec.encoding_given)
    _plain_lines(request.path, plain, look)
    dialect = Dialect(look.encoding, look.delimiter, look.quote)
    target = request.folder / f"{request.name}.records"
    records = rewrite(plain, target, label, dialect)
    plain.unlink()
    columns = records.header or ()
    _check_columns(label, columns)
    create_table(
        connection,
        target,
        replace(dialect, encoding="utf-8"),
        request.name,
        len(columns),
        records.accepted,
    )
    if not records.accepted and not request.spec.allow_empty:
        raise DataError(f"{label}: has no entries. Export the FEC again.")
    return Table(request.name, columns, records.accepted, records.refusals, (_remark(label, look),))


def unused_columns(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Columns of a file that are not those of the law."""
    return tuple(name for name in columns if name and _plain_name(name) not in _OFFICIAL)


def columns_of(names: Sequence[str]) -> dict[str, str]:
    """Which column of a file is which, by the names that `COLUMNS` gives."""
    found: dict[str, str] = {}
    for name in names:
        known = COLUMNS.get(_plain_name(name))
        if known:
            found.setdefault(known, name)
    return found


def parsed_sql(table: Table) -> str:
    """SQL for the lines of a table with typed columns and `reason`, null where all is well."""
    places = {
        known: table.columns.index(name) + 1 for known, name in columns_of(table.columns).items()
    }
    texts = ", ".join(
        f"nullif(trim(c{places[name]}, {quoted(_BLANKS)}), '') as {name}"
        if name in places
        else f"cast(null as varchar) as {name}"
        for name in dict.fromkeys(COLUMNS.values())
    )
    days = ", ".join(f"{_day(name)} as {name}_read" for name in ("day", "piece_day", "letter_day"))
    amounts = ", ".join(f"{_amount(name)} as {name}_read" for name in ("debit", "credit", "value"))
    sign = (
        "case when lower(side) in ('d', '+1', '1', 'debit', 'débit') then 1 "
        "when lower(side) in ('c', '-1', 'credit', 'crédit') then -1 end"
    )
    if "debit" in places:
        amount, wrong = "debit_read - credit_read", "debit_read is null or credit_read is null"
        shown = "case when debit_read is null then debit else credit end"
    else:
        amount, wrong = "value_read * side_read", "value_read is null or value is null"
        shown = "value"
    reason = (
        "case when journal is null then 'JournalCode is empty' "
        "when account is null then 'CompteNum is empty' "
        "when day_read is null then '''' || coalesce(day, '') || ''' in EcritureDate is no date' "
        "when piece_day is not null and piece_day_read is null "
        "then '''' || piece_day || ''' in PieceDate is no date' "
        "when letter_day is not null and letter_day_read is null "
        "then '''' || letter_day || ''' in DateLet is no date' "
        f"when {wrong} then '''' || coalesce({shown}, '') || ''' is no amount of whole cents' "
        + (
            ""
            if "debit" in places
            else "when side_read is null then '''' || coalesce(side, '') "
            "|| ''' in Sens is neither D nor C' "
        )
        + "end"
    )
    return (
        f"select {LINE} as line, journal, journal_name, number, day_read as day, account, "
        "account_name, auxiliary, auxiliary_name, piece, piece_day_read as piece_day, label, "
        f"cast({amount} as decimal(18, 2)) as amount, letter, letter_day_read as letter_day, "
        f"{reason} as reason from (select *, {days}, {amounts}, {sign} as side_read "
        f"from (select {LINE}, {texts} from {table.name}))"
    )


def _day(name: str) -> str:
    return (
        f"coalesce(case when regexp_full_match({name}, '[0-9]{{8}}') "
        f"then cast(try_strptime({name}, '%Y%m%d') as date) end, "
        f"case when regexp_full_match({name}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}.*') "
        f"then try_cast(left({name}, 10) as date) end, "
        f"case when regexp_full_match({name}, '[0-9]{{1,2}}/[0-9]{{1,2}}/[0-9]{{4}}') "
        f"then cast(try_strptime({name}, '%-d/%-m/%Y') as date) end)"
    )


def _amount(name: str) -> str:
    """An empty amount is nothing; points between thousands need a decimal comma behind them."""
    bare = f"regexp_replace({name}, '[ \u00a0\u202f]', '', 'g')"
    trailing = f"regexp_replace({bare}, '^([0-9.,]+)([+-])$', '\\2\\1')"
    french = f"replace(replace({trailing}, '.', ''), ',', '.')"
    whole = f"replace({trailing}, ',', '.')"
    plain = "[+-]?([0-9]+([.,]([0-9]{0,2}0*))?|[.,][0-9]{1,2}0*)"
    return (
        f"case when {name} is null then 0 "
        f"when regexp_full_match({trailing}, '[+-]?[0-9]{{1,3}}([.][0-9]{{3}})+,[0-9]{{1,2}}0*') "
        f"then try_cast({french} as decimal(18, 2)) "
        f"when regexp_full_match({trailing}, {quoted(plain)}) "
        f"then try_cast({whole} as decimal(18, 2)) end"
    )


def _look(path: Path, label: str, encoding: str | None) -> _Look:
    found = encoding or _encoding(path)
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    text = head.decode(found, "replace").removeprefix("\ufeff")
    lines = re.split("\r*\n|\r+", text)[: SAMPLE_LINES + 1]
    header = lines[0]
    delimiter = next((sign for sign in "\t|;," if sign in header), "")
    if not delimiter:
        raise DataError(
            f"{label}: line 1: no tab and no bar separates columns, so this is no FEC. "
            "Its first line names JournalCode, JournalLib, EcritureNum and 15 more."
        )
    quote = '"' if header.startswith('"') else ""
    names = header.split(delimiter)
    width = len(names)
    widths = [line.count(delimiter) + 1 for line in lines[1:-1] if line]
    # A separator at the end of the header, or of every line, and not of the other.
    if widths and all(found_width == width - 1 for found_width in widths) and not names[-1]:
        names = names[:-1]
    elif widths and all(found_width == width + 1 for found_width in widths):
        names = [*names, ""]
    return _Look(found, delimiter, quote, tuple(names))


def _encoding(path: Path) -> str:
    """UTF-8 where that is what the bytes are, else the code page whose accents they hold."""
    counts = [0] * 256
    is_utf8 = True
    rest = b""
    with path.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            if is_utf8:
                # A character may begin in one block and end in the next.
                content = rest + block
                try:
                    content.decode()
                    rest = b""
                except UnicodeDecodeError as error:
                    rest = content[error.start :]
                    is_utf8 = len(rest) < CHARACTER_BYTES
            if not block.isascii():
                for byte, count in Counter(block.translate(None, _ASCII)).items():
                    counts[byte] += count
    if is_utf8 and not rest:
        return "utf-8"
    windows = sum(counts[byte] for byte in ACCENTS_CP1252)
    dos = sum(counts[byte] for byte in ACCENTS_CP850)
    if dos > windows:
        return "cp850"
    return "cp1252" if any(counts[0x80:0xA0]) else "iso8859-15"


def _plain_lines(path: Path, target: Path, look: _Look) -> None:
    """Copy a file with one line feed at the end of each line and a header that fits its lines."""
    with path.open("rb") as stream, target.open("wb") as output:
        head = stream.read(HEAD_BYTES)
        feeds = b"\n" in head
        end = re.search(b"\r*\n" if feeds else b"\r", head)
        stream.seek(end.end() if end else len(head))
        output.write(look.delimiter.join(look.header).encode(look.encoding, "replace") + b"\n")
        rest = b""
        while block := stream.read(BLOCK_BYTES):
            content = rest + block
            kept = len(content) - len(content.rstrip(b"\r"))
            rest = content[len(content) - kept :] if kept else b""
            content = content[: len(content) - kept]
            if not feeds:
                content = content.replace(b"\r", b"\n")
            elif b"\r" in content:
                content = re.sub(b"\r+\n", b"\n", content)
            output.write(content)
        if rest:
            output.write(b"\n")


def _check_columns(label: str, columns: tuple[str, ...]) -> None:
    known = [COLUMNS[name] for name in map(_plain_name, columns) if name in COLUMNS]
    missing = [name for name in REQUIRED if name not in known]
    if missing or not ({"debit", "credit"} <= set(known) or {"value", "side"} <= set(known)):
        raise DataError(
            f"{label}: line 1: this is no FEC: it needs JournalCode, EcritureDate, CompteNum and "
            f"Debit, Credit (or Montant, Sens); it has {', '.join(filter(None, columns))}."
        )
    twice = sorted({name for name in known if known.count(name) > 1})
    if twice:
        raise DataError(f"{label}: line 1: a column is there twice: {', '.join(twice)}.")


def _plain_name(name: str) -> str:
    return re.sub("[^a-z]", "", name.lower())


def _remark(label: str, look: _Look) -> str:
    words = {"\t": "tabs", "|": "bars"}.get(look.delimiter, f"'{look.delimiter}'")
    return f"{label}: read as {look.encoding}, separated by {words}."
