"""Excel, Parquet and JSON lines give what the same rows give as CSV."""

import json
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from encours.errors import DataError, UsageError

from .conftest import HEADER, INVOICES, Desk

Row = Callable[..., str]

COLUMNS = HEADER.split(",")
ROWS: list[list[Any]] = [
    ["FR01", "007", "C1", date(2026, 1, 31), Decimal("12.50"), "EUR"],
    ["FR01", "8", 'say "x", y\nz', date(2024, 2, 29), Decimal("-1234567.89"), "USD"],
    ["FR01", 1930571429, "C3", date(1999, 12, 31), 100, "EUR"],
]
SELECT = (
    "select entity_code, invoice_number, customer_code, issue_date, gross_amount, currency_code "
    "from raw.invoices order by _source_row"
)


def workbook(desk: Desk, rows: list[list[Any]], name: str = "invoices.xlsx") -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for cells in rows:
        sheet.append(cells)
    book.save(desk.inbox / name)
    return desk.inbox / name


def as_json(value: Any) -> Any:
    return value if isinstance(value, (str, int)) else str(value)


def deliver(desk: Desk, kind: str) -> None:
    if kind == "xlsx":
        workbook(
            desk, [COLUMNS, *([float(c) if isinstance(c, Decimal) else c for c in r] for r in ROWS)]
        )
    elif kind == "jsonl":
        lines = (json.dumps(dict(zip(COLUMNS, map(as_json, r), strict=True))) for r in ROWS)
        desk.put("invoices.jsonl", "\n".join(lines))
    elif kind == "parquet":
        with duckdb.connect() as connection:
            connection.execute(
                "create table t (entity varchar, number varchar, customer varchar, issued date, "
                "amount decimal(12, 3), currency varchar)"
            )
            connection.executemany("insert into t values (?, ?, ?, ?, ?, ?)", ROWS)
            connection.execute(f"copy t to '{desk.inbox}/invoices.parquet'")
    else:
        desk.put(
            "invoices.csv",
            f"{HEADER}\n"
            "FR01,007,C1,2026-01-31,12.50,EUR\n"
            'FR01,8,"say ""x"", y\nz",2024-02-29,-1234567.89,USD\n'
            "FR01,1930571429,C3,1999-12-31,100,EUR\n",
        )


@pytest.mark.parametrize(
    ("kind", "lines"),
    [("csv", [2, 3, 5]), ("xlsx", [2, 3, 4]), ("parquet", [1, 2, 3]), ("jsonl", [1, 2, 3])],
)
def test_all_formats_give_the_same_rows(desk: Desk, kind: str, lines: list[int]) -> None:
    deliver(desk, kind)
    desk.ingest(desk.books(path=f"invoices.{kind}", format=kind))
    assert desk.query(SELECT) == [
        tuple(str(c) if i == 1 else Decimal(c) if i == 4 else c for i, c in enumerate(cells))
        for cells in ROWS
    ]
    rows = desk.query("select _source_row from raw.invoices order by 1")
    assert [number for (number,) in rows] == lines


@pytest.mark.parametrize("kind", ["xlsx", "parquet"])
def test_typed_values_are_read_whatever_the_texts_look_like(desk: Desk, kind: str) -> None:
    deliver(desk, kind)
    desk.ingest(
        desk.books(
            path=f"invoices.{kind}",
            format=kind,
            date_format="%d/%m/%Y",
            decimal_separator=",",
            thousands_separator=".",
        )
    )
    rows = desk.query("select issue_date, gross_amount from raw.invoices order by _source_row")
    assert rows == [(cells[3], Decimal(cells[4])) for cells in ROWS]


def test_numbers_of_excel_carry_no_noise_and_too_many_decimals_are_refused(desk: Desk) -> None:
    good = ["FR01", "1", "C", date(2026, 1, 1), 0.1 + 0.2, "EUR"]
    path = workbook(desk, [COLUMNS, good, ["FR01", "2", "C", date(2026, 1, 1), 12.505, "EUR"]])
    # Excel writes all 17 digits of a double, which the library that made the file does not.
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content.replace(b"<v>0.3</v>", b"<v>0.30000000000000004</v>"))
    assert b"<v>0.3</v>" in parts["xl/worksheets/sheet1.xml"]
    result = desk.ingest(desk.books(path="invoices.xlsx", format="xlsx", max_rejected_rows=1))
    assert result.rejected == 1
    assert desk.query("select gross_amount from raw.invoices") == [(Decimal("0.30"),)]
    assert desk.query("select source_row, reason from raw.rejected_rows") == [
        (3, "'12.505' has more than 2 decimals")
    ]


def test_error_cells_and_formulas_without_value_are_not_read_as_empty(desk: Desk) -> None:
    feeds = {"invoices": INVOICES | {"net_amount": "net"}}
    first = ["FR01", "1", "C", date(2026, 1, 1), 1, "EUR"]
    workbook(desk, [[*COLUMNS, "net"], [*first, "#N/A"], ["FR01", "2", *first[2:], "=1+1"]])
    with pytest.raises(DataError) as caught:
        desk.ingest(desk.books(path="invoices.xlsx", format="xlsx", feeds=feeds))
    assert "invoices.xlsx:2: net_amount <- net: '#N/A' is not a number" in str(caught.value)
    assert "invoices.xlsx:3: net_amount <- net: '#NOT CALCULATED' is not" in str(caught.value)


def test_blank_rows_of_a_sheet_count_as_rows(desk: Desk) -> None:
    workbook(desk, [[], COLUMNS, [], ROWS[0], [None, "", None], [*ROWS[2], None, "right of it"]])
    desk.ingest(desk.books(path="invoices.xlsx", format="xlsx", max_rejected_rows=1))
    assert desk.query("select _source_row from raw.invoices") == [(4,)]
    assert desk.query("select source_row, reason from raw.rejected_rows") == [
        (6, "has a value right of the last header cell")
    ]


def test_time_of_day_is_not_cut_from_a_date(desk: Desk) -> None:
    moment = datetime(2026, 1, 1, 12, 30)  # noqa: DTZ001 - as Excel has it
    workbook(desk, [COLUMNS, ["FR01", "1", "C", moment, 1, "EUR"]])
    with pytest.raises(DataError, match=r"'2026-01-01 12:30:00' is not a date written as %Y-%m-%d"):
        desk.ingest(desk.books(path="invoices.xlsx", format="xlsx"))


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n", b"PK\x03\x04 cut"])
def test_broken_workbook_is_refused(desk: Desk, content: bytes) -> None:
    desk.put("invoices.xlsx", content)
    with pytest.raises(DataError, match=r"invoices.xlsx: cannot be read as an Excel workbook"):
        desk.ingest(desk.books(path="invoices.xlsx", format="xlsx"))
    assert desk.numbers() == []


def test_sheet_must_be_named_where_there_are_several(desk: Desk) -> None:
    book = openpyxl.Workbook()
    for name in ("Invoices", "Notes"):
        book.create_sheet(name).append(COLUMNS)
    book["Invoices"].append(ROWS[0])
    del book["Sheet"]
    book.save(desk.inbox / "invoices.xlsx")
    options: dict[str, Any] = {"path": "invoices.xlsx", "format": "xlsx"}
    with pytest.raises(UsageError, match=r"has the sheets Invoices, Notes. Say which with sheet:"):
        desk.ingest(desk.books(**options))
    with pytest.raises(DataError, match=r"has no sheet 'Invoice'. Did you mean 'Invoices'?"):
        desk.ingest(desk.books(**options, sheet="Invoice"))
    desk.ingest(desk.books(**options, sheet="Invoices"))
    assert desk.numbers() == ["007"]


def test_empty_sheet_is_refused(desk: Desk) -> None:
    workbook(desk, [])
    with pytest.raises(DataError, match=r"invoices.xlsx: is empty, without even a header"):
        desk.ingest(desk.books(path="invoices.xlsx", format="xlsx"))


@pytest.mark.parametrize("content", [b"", b"PAR1 cut", b"a,b\n1,2\n"])
def test_broken_parquet_is_refused(desk: Desk, content: bytes) -> None:
    desk.put("invoices.parquet", content)
    with pytest.raises(DataError, match=r"invoices.parquet: cannot be read as Parquet"):
        desk.ingest(desk.books(path="invoices.parquet", format="parquet"))
    assert desk.numbers() == []


def test_parquet_double_is_read_as_it_is_written(desk: Desk) -> None:
    duckdb.sql(
        "copy (select 'F' as entity, 1930571429.0::double as number, 'C' as customer, "
        "timestamp '2026-01-01 00:00' as issued, unnest([0.1::double, 2309.7899999999995::double]) "
        f"as amount, 'EUR' as currency) to '{desk.inbox}/invoices.parquet'"
    )
    options: dict[str, Any] = {"path": "invoices.parquet", "format": "parquet"}
    desk.ingest(desk.books(**options, max_rejected_rows=1))
    assert desk.query(SELECT) == [
        ("F", "1930571429", "C", date(2026, 1, 1), Decimal("0.10"), "EUR")
    ]
    reasons = desk.query("select source_row, reason from raw.rejected_rows")
    assert reasons == [(2, "'2309.7899999999995' has more than 2 decimals")]


def test_json_numbers_are_exact(desk: Desk) -> None:
    line = '{{"entity": "F", "number": {}, "customer": "a: 5, b", "issued": "2026-01-01", '
    line += '"amount": {}, "currency": "EUR"}}\n'
    desk.put(
        "invoices.jsonl",
        line.format("12345678901234567890", "9999999999999999.99")
        + "\n"
        + line.format("1.10", "1.0000000000000000001")
        + line.format('"x"', "1e2"),
    )
    options: dict[str, Any] = {"path": "invoices.jsonl", "format": "jsonl"}
    desk.ingest(desk.books(**options, max_rejected_rows=2))
    rows = desk.query("select invoice_number, customer_code, gross_amount from raw.invoices")
    assert rows == [("12345678901234567890", "a: 5, b", Decimal("9999999999999999.99"))]
    reasons = desk.query("select source_row, reason from raw.rejected_rows order by 1")
    assert reasons == [
        (3, "'1.0000000000000000001' has more than 2 decimals"),
        (4, "'1e2' is not a number with a decimal point"),
    ]


def test_json_number_keeps_its_point_where_texts_have_commas(desk: Desk) -> None:
    record = dict(zip(COLUMNS, ["F", "1.5", "C", "2026-01-01", 1.234, "EUR"], strict=True))
    other = record | {"number": "2", "amount": "1.234,5"}
    desk.put("invoices.jsonl", f"{json.dumps(record)}\n{json.dumps(other)}\n")
    options: dict[str, Any] = {
        "path": "invoices.jsonl",
        "format": "jsonl",
        "decimal_separator": ",",
        "thousands_separator": ".",
    }
    desk.ingest(desk.books(**options, max_rejected_rows=1))
    assert desk.query("select invoice_number, gross_amount from raw.invoices") == [
        ("2", Decimal("1234.50"))
    ]
    assert desk.query("select reason from raw.rejected_rows") == [
        ("'1,234' has more than 2 decimals",)
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"entity": "F"', "is not a JSON document"),
        ("[1]", "is not a JSON object"),
        ('{"entity": "F", "entity": "G"}', "has a name twice"),
    ],
)
def test_json_line_that_is_no_record_is_refused(desk: Desk, line: str, reason: str) -> None:
    deliver(desk, "jsonl")
    content = (desk.inbox / "invoices.jsonl").read_text()
    desk.put("invoices.jsonl", f"{line}\n{content}")
    desk.ingest(desk.books(path="invoices.jsonl", format="jsonl", max_rejected_rows=1))
    assert len(desk.numbers()) == 3
    assert desk.query("select source_row, row_text, reason from raw.rejected_rows") == [
        (1, line, reason)
    ]


def test_missing_column_is_named_in_every_format(desk: Desk) -> None:
    feeds = {"invoices": INVOICES | {"net_amount": "Amount"}}
    for kind in ("xlsx", "parquet", "jsonl"):
        deliver(desk, kind)
        with pytest.raises(
            DataError, match=r"are not in the file: Amount.\n.*Did you mean 'amount'"
        ):
            desk.ingest(desk.books(path=f"invoices.{kind}", format=kind, feeds=feeds))
