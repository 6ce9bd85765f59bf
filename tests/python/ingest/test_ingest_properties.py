"""For any text in the cells of a file: kept exactly, or refused; never changed, never lost."""

import csv
import io
import re
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from tempfile import TemporaryDirectory

from encours import text
from encours.home import Home
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from .conftest import HEADER, INVOICES, Desk

BLANKS = " \t\r\n\u00a0\u202f"
# Codes, amounts and dates as people mistype them, and any text at all.
ANY_TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="\0")
    | st.sampled_from("\",;\r\n\t'\\|%#\u00a0"),
    max_size=8,
)
AMOUNTS = st.decimals(-(10**17), 10**17, places=3).map(str) | st.from_regex(
    r"[+-]?[0-9 ,]{0,6}[.]?[0-9]{0,4}[eO]?", fullmatch=True
)
DATES = st.dates().map(str) | st.from_regex(
    r"(19|20)[0-9]{2}-[0-9]{1,2}-[0-9]{1,2}", fullmatch=True
)
ROWS = st.lists(st.tuples(ANY_TEXT, AMOUNTS | ANY_TEXT, DATES | ANY_TEXT), min_size=1, max_size=60)


def amount_of(cell: str) -> Decimal | None:
    """The amount a cell stands for, found without any of the code under test."""
    cell = cell.strip(BLANKS)
    if not re.fullmatch(r"[+-]?[0-9]*(\.[0-9]+)?", cell, re.ASCII):
        return None
    try:
        value = Decimal(cell)
    except InvalidOperation:
        return None
    if value != round(value, 2) or abs(value) >= 10**16:
        return None
    return value


def date_of(cell: str) -> date | None:
    """The date a cell stands for, found without any of the code under test."""
    match = re.fullmatch(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})", cell.strip(BLANKS), re.ASCII)
    try:
        value = date(*map(int, match.groups())) if match else None
    except ValueError:
        return None
    return value if value and 1900 <= value.year <= 2200 else None


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=ROWS, quoting=st.booleans(), end=st.sampled_from(["\n", "\r\n"]), block=st.integers(1, 99)
)
@example(rows=[("a\r\nb", "1", "2026-01-01")], quoting=False, end="\r\n", block=7)
@example(
    rows=[('"', "-0.00", "2024-02-29"), ("\r", "1.000", "2026-1-1")],
    quoting=True,
    end="\n",
    block=1,
)
@example(rows=[("0\r", "0.000", "2000-01-01")], quoting=False, end="\n", block=1)
def test_cells_are_kept_exactly_or_their_row_is_refused(
    rows: list[tuple[str, str, str]], quoting: bool, end: str, block: int
) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(
        stream, quoting=csv.QUOTE_ALL if quoting else csv.QUOTE_MINIMAL, lineterminator=end
    )
    writer.writerow(HEADER.split(","))
    lines, torn = [], set()
    for number, (customer, amount, day) in enumerate(rows):
        before = stream.getvalue()
        lines.append(before.count("\n") + 1)
        writer.writerow(["FR01", number, customer, day, amount, "EUR"])
        # Some versions of the writer leave a carriage return without quotes: it tears the line.
        written = stream.getvalue()[len(before) : -len(end)]
        if "\r" in re.sub('"[^"]*"', "", written):
            torn.add(lines[-1])
    expected = {
        line: (customer.strip(BLANKS), amount_of(amount), date_of(day))
        for line, (customer, amount, day) in zip(lines, rows, strict=True)
        if customer.strip(BLANKS) and amount_of(amount) is not None and date_of(day)
        if line not in torn
    }
    original = text.BLOCK_BYTES
    with TemporaryDirectory() as folder:
        desk = Desk(Path(folder), Home(Path(folder) / "home"))
        desk.put("invoices.csv", stream.getvalue().encode())
        text.BLOCK_BYTES = block
        try:
            result = desk.ingest(desk.books(max_rejected_rows=99, feeds={"invoices": INVOICES}))
        finally:
            text.BLOCK_BYTES = original
        found = desk.query(
            "select _source_row, customer_code, gross_amount, issue_date from raw.invoices"
        )
        refused = {line for (line,) in desk.query("select source_row from raw.rejected_rows")}
    assert {line: tuple(values) for line, *values in found} == expected
    assert refused == set(lines) - set(expected)
    assert result.files[0].rows_read == len(rows)
    assert result.files[0].rows_accepted + result.files[0].rows_refused == len(rows)
