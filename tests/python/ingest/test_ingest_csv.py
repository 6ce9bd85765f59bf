"""CSV: what is read, and where a file that is not right is stopped."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from encours import text
from encours.errors import EncoursError

from .conftest import HEADER, Desk

Row = Callable[..., str]


def stopped(desk: Desk, **options: Any) -> str:
    """Ingest, expect it to stop and to load nothing, and return the message."""
    with pytest.raises(EncoursError) as caught:
        desk.ingest(desk.books(**options))
    assert desk.numbers() == []
    assert not list(desk.home.loads.glob("*"))
    return str(caught.value)


def test_every_row_is_loaded_with_its_line(desk: Desk, row: Row) -> None:
    desk.invoices(row("1"), row("2", amount="-7"))
    result = desk.ingest(desk.books())
    assert (result.files[0].rows_read, result.files[0].rows_accepted) == (2, 2)
    assert desk.query(
        "select invoice_number, gross_amount, _source, _source_file, _source_row, _load_id "
        "from raw.invoices order by 1"
    ) == [
        ("1", Decimal("12.50"), "books", "invoices.csv", 2, result.load_id),
        ("2", Decimal("-7.00"), "books", "invoices.csv", 3, result.load_id),
    ]


def test_missing_column_is_named_with_the_nearest(desk: Desk, row: Row) -> None:
    desk.invoices(row(), header=HEADER.replace("amount", "Amount"))
    message = stopped(desk)
    assert (
        "invoices.csv: line 1: columns that the source YAML maps are not in the file: amount"
        in (message)
    )
    assert "Did you mean 'Amount'?" in message


@pytest.mark.parametrize("second", ["amount", "AMOUNT"])
def test_doubled_column_is_refused(desk: Desk, row: Row, second: str) -> None:
    desk.invoices(row() + ",99", header=f"{HEADER},{second}")
    assert f"invoices.csv: line 1: the column '{second}' is there twice" in stopped(desk)


@pytest.mark.parametrize(
    ("delimiter", "words"), [(";", "a semicolon"), ("\t", "a tab"), ("|", "a bar")]
)
def test_wrong_delimiter_is_named(desk: Desk, row: Row, delimiter: str, words: str) -> None:
    desk.invoices(row().replace(",", delimiter), header=HEADER.replace(",", delimiter))
    message = stopped(desk)
    assert f"invoices.csv: line 1: the columns are separated by {words}, but a comma is" in message
    desk.ingest(desk.books(delimiter=delimiter))
    assert desk.numbers() == ["1"]


def test_wrong_delimiter_that_splits_the_header_by_chance_is_named(desk: Desk) -> None:
    desk.put("invoices.csv", HEADER.replace(",", ";") + ";a,b\n")
    assert "separated by a semicolon" in stopped(desk)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("FR01,2,C1,2026-01-31,12.50,EUR,extra", "has 7 fields where the header has 6"),
        ("FR01,2,C1,2026-01-31", "has 4 fields where the header has 6"),
        ('FR01,2,"C"1,2026-01-31,1,EUR', 'a quote (") stands in the middle of a field'),
    ],
)
def test_row_that_does_not_fit_the_header_is_refused(
    desk: Desk, row: Row, line: str, reason: str
) -> None:
    desk.invoices(row("1"), line, row("3"))
    message = stopped(desk)
    assert f"invoices.csv:3: {reason}" in message
    assert desk.refused()[0][0] == 3
    result = desk.ingest(desk.books(max_rejected_rows=1))
    assert desk.numbers() == ["1", "3"]
    file = result.files[0]
    assert (file.rows_read, file.rows_accepted, file.rows_refused) == (3, 2, 1)
    assert desk.query("select source_row, row_text from raw.rejected_rows") == [(3, line)]


def test_file_cut_in_the_middle_of_a_row_is_refused(desk: Desk, row: Row) -> None:
    desk.put("invoices.csv", f"{HEADER}\n{row('1')}\nFR01,2,C1,20")
    message = stopped(desk)
    assert "invoices.csv:3: has 4 fields where the header has 6" in message
    assert "may be cut off" in message


def test_file_cut_in_the_middle_of_a_quoted_field_is_refused_whatever_is_allowed(
    desk: Desk, row: Row
) -> None:
    desk.put("invoices.csv", f'{HEADER}\n{row("1")}\nFR01,2,"C\n1,20')
    message = stopped(desk, max_rejected_rows=99)
    assert "invoices.csv: line 3: a quoted field begins here and is never closed" in message


def test_stray_quote_that_swallows_lines_stops_at_its_line(desk: Desk, row: Row) -> None:
    desk.invoices(row("1"), row("2", customer='3" pipe'), row("3"), row("4", customer='4" pipe'))
    message = stopped(desk, max_rejected_rows=99)
    assert 'invoices.csv: line 3: a quote (") stands in the middle of a field' in message
    desk.ingest(desk.books(quote=""))
    assert desk.query("select distinct customer_code from raw.invoices where _source_row = 3") == [
        ('3" pipe',)
    ]


@pytest.mark.parametrize("block", [16, 4 << 20])
def test_line_numbers_hold_after_embedded_line_ends_blank_lines_and_refused_rows(
    desk: Desk, row: Row, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(text, "BLOCK_BYTES", block)
    desk.invoices(
        row("1", customer='"a\nb"'), "too,short", "", row("2", customer='"c\r\n\r\nd""e"'), row("3")
    )
    desk.ingest(desk.books(max_rejected_rows=1))
    rows = desk.query("select _source_row, customer_code from raw.invoices order by 1")
    assert rows == [(2, "a\nb"), (6, 'c\r\n\r\nd"e'), (9, "C1")]
    assert desk.query("select source_row from raw.rejected_rows") == [(4,)]


@pytest.mark.parametrize("block", [1, 7, 64])
def test_blocks_end_anywhere(
    desk: Desk, row: Row, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(text, "BLOCK_BYTES", block)
    lines = [f"\ufeff{HEADER}", row("1", customer="€é😀"), row("2", customer='"x"'), ""]
    desk.put("invoices.csv", "\r\n".join(lines))
    desk.ingest(desk.books())
    rows = desk.query(
        "select _source_row, customer_code, currency_code from raw.invoices order by 1"
    )
    assert rows == [(2, "€é😀", "EUR"), (3, "x", "EUR")]


def test_byte_order_mark_is_no_part_of_the_first_column(desk: Desk, row: Row) -> None:
    desk.put("invoices.csv", f"\ufeff{HEADER}\n{row()}\n")
    desk.ingest(desk.books())
    assert desk.numbers() == ["1"]


def test_windows_line_ends_are_no_part_of_the_last_column(desk: Desk, row: Row) -> None:
    desk.put("invoices.csv", f"{HEADER}\r\n{row()}\r\n")
    desk.ingest(desk.books())
    assert desk.query("select currency_code, _source_row from raw.invoices") == [("EUR", 2)]


def test_carriage_return_inside_a_line_refuses_it(desk: Desk, row: Row) -> None:
    desk.invoices(row("1", customer="a\rb"), row("2"))
    assert "invoices.csv:2: a carriage return stands in the middle" in stopped(desk)


@pytest.mark.parametrize(
    ("encoding", "customer"), [("latin-1", "Café"), ("cp1252", "Café €"), ("utf-16", "Café €")]
)
def test_declared_encoding_is_read_right(
    desk: Desk, row: Row, encoding: str, customer: str
) -> None:
    desk.put("invoices.csv", f"{HEADER}\n{row(customer=customer)}\n".encode(encoding))
    desk.ingest(desk.books(encoding=encoding))
    assert desk.query("select customer_code from raw.invoices") == [(customer,)]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_other_encoding_than_declared_is_refused_at_its_line(
    desk: Desk, row: Row, encoding: str
) -> None:
    desk.put(
        "invoices.csv", f"{HEADER}\n{row('1')}\n{row('2', customer='Café')}\n".encode(encoding)
    )
    message = stopped(desk, max_rejected_rows=99)
    assert "invoices.csv: line 3: byte 0xE9 is not utf-8 text" in message
    assert "encoding: cp1252" in message


def test_windows_text_declared_as_latin_1_is_refused(desk: Desk, row: Row) -> None:
    desk.put("invoices.csv", f"{HEADER}\n{row(customer='5 €')}\n".encode("cp1252"))
    message = stopped(desk, encoding="latin-1")
    assert "invoices.csv: line 2: byte 0x80 is no letter in latin-1" in message


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_utf_8_declared_as_something_of_one_byte_is_refused(
    desk: Desk, row: Row, encoding: str
) -> None:
    """Every byte of it means something there: it would be read as `CafÃ©` without a word."""
    desk.put("invoices.csv", f"{HEADER}\n{row(customer='Café')}\n".encode())
    message = stopped(desk, encoding=encoding)
    assert f"is UTF-8 text, but the source YAML says encoding: {encoding}" in message


def test_utf_16_undeclared_is_refused(desk: Desk, row: Row) -> None:
    desk.put("invoices.csv", f"{HEADER}\n{row()}\n".encode("utf-16"))
    assert "the file is UTF-16, not utf-8. Set encoding: utf-16" in stopped(desk)


def test_nul_byte_is_refused_at_its_line(desk: Desk, row: Row) -> None:
    desk.put("invoices.csv", f"{HEADER}\n{row(customer='a' + chr(0))}\n")
    assert "invoices.csv: line 2: holds a NUL byte" in stopped(desk)


def test_empty_file_is_refused(desk: Desk) -> None:
    desk.put("invoices.csv", b"")
    assert "invoices.csv: is empty, without even a header" in stopped(desk, allow_empty=True)


@pytest.mark.parametrize("load", ["snapshot", "upsert"])
def test_header_alone_stops_unless_it_is_allowed(desk: Desk, load: str) -> None:
    desk.invoices()
    assert "invoices.csv: has no rows" in stopped(desk, load=load)
    result = desk.ingest(desk.books(load=load, allow_empty=True))
    assert result.load_id is not None
    assert desk.numbers() == []


def test_header_alone_deletes_a_snapshot_where_it_is_allowed(desk: Desk, row: Row) -> None:
    desk.invoices(row())
    desk.ingest(desk.books(allow_empty=True))
    desk.invoices()
    desk.ingest(desk.books(allow_empty=True))
    assert desk.numbers() == []


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"PK\x03\x04", "an Excel workbook"),
        (b"PAR1", "Parquet"),
    ],
)
def test_other_kind_of_file_named_csv_is_refused(desk: Desk, content: bytes, kind: str) -> None:
    desk.put("invoices.csv", content)
    message = stopped(desk)
    assert "invoices.csv: this is " in message
    assert kind in message


def test_missing_file_stops_unless_it_is_optional(desk: Desk) -> None:
    assert "no file matches" in stopped(desk)
    assert desk.ingest(desk.books(optional=True)).load_id is None


def test_line_without_end_is_mentioned(desk: Desk, row: Row) -> None:
    desk.put("invoices.csv", f"{HEADER}\n{row()}")
    assert "the last line has no line end" in desk.ingest(desk.books()).messages[0]
    assert desk.numbers() == ["1"]


def test_columns_without_a_name_are_left_alone(desk: Desk, row: Row) -> None:
    desk.invoices(f"0,{row()},", header=f",{HEADER},")
    desk.ingest(desk.books())
    assert desk.numbers() == ["1"]


def test_file_without_line_feeds_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "RECORD_BYTES", 100)
    monkeypatch.setattr(text, "BLOCK_BYTES", 50)
    desk.put("invoices.csv", "x" * 500)
    assert "invoices.csv: line 1: is longer than 100 bytes" in stopped(desk)


def test_more_misfits_than_can_be_listed_stop_the_file(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "REFUSALS", 2)
    desk.invoices("a", "b", "c")
    message = stopped(desk, max_rejected_rows=99)
    assert "invoices.csv: line 2: has 1 fields where the header has 6" in message
    assert "more than 2 records" in message
