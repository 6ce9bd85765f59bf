"""Casting: every value is kept as it is, or its row is refused with the reason."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from encours.errors import DataError, UsageError

from .conftest import HEADER, INVOICES, Desk

Row = Callable[..., str]


def refusal(desk: Desk, **options: Any) -> str:
    """Ingest, expect refused rows and nothing loaded, and return the message."""
    with pytest.raises(DataError) as caught:
        desk.ingest(desk.books(**options))
    assert desk.numbers() == []
    return str(caught.value)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"issued": "31/02/2026"}, "issue_date <- issued: '31/02/2026' is not a date written as"),
        ({"issued": "2026-02-31"}, "issue_date <- issued: '2026-02-31' is not a date written as"),
        ({"issued": "26-02-01"}, "'26-02-01' is not a date written as %Y-%m-%d"),
        ({"issued": "2026-02-01x"}, "'2026-02-01x' is not a date"),
        ({"issued": "0026-02-01"}, "0026-02-01 is not a date between the years 1900 and 2200"),
        ({"amount": "12.5O"}, "gross_amount <- amount: '12.5O' is not a number"),
        ({"amount": "1e3"}, "'1e3' is not a number with a decimal point"),
        ({"amount": "1 000"}, "'1 000' is not a number"),
        ({"amount": "12."}, "'12.' is not a number"),
        ({"amount": "NaN"}, "'NaN' is not a number"),
        ({"amount": "12.505"}, "'12.505' has more than 2 decimals"),
        ({"amount": "12345678901234567.00"}, "is too large for decimal(18, 2)"),
        ({"amount": ""}, "gross_amount <- amount: is empty, and every row needs it"),
        ({"number": "  "}, "invoice_number <- number: is empty"),
        ({"currency": "EURO"}, "'EURO' is not a currency code of three letters"),
        ({"entity": "FR|1"}, "'FR|1' contains |"),
        ({"entity": "all"}, "'all' stands for all entities together"),
    ],
)
def test_bad_value_refuses_the_row(
    desk: Desk, row: Row, fields: dict[str, str], reason: str
) -> None:
    desk.invoices(row("1"), row(**{"number": "2"} | fields))
    message = refusal(desk)
    assert "books: 1 row is refused, 0 allowed (max_rejected_rows)" in message
    assert "invoices.csv:3: " in message
    assert reason in message


def test_number_with_a_letter_is_refused_with_a_decimal_comma(desk: Desk, row: Row) -> None:
    desk.invoices(
        row(amount="12,5O").replace(",", ";", 4).replace(",EUR", ";EUR"),
        header=HEADER.replace(",", ";"),
    )
    message = refusal(desk, delimiter=";", decimal_separator=",")
    assert "'12,5O' is not a number with a decimal comma" in message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 234,50", "1234.50"),
        ("1\u202f234\u00a0567,5", "1234567.50"),
        ("-12,500", "-12.50"),
        ("+,5", "0.50"),
        ("1234", "1234.00"),
    ],
)
def test_french_numbers_are_exact(desk: Desk, row: Row, text: str, value: str) -> None:
    desk.invoices(row(amount=f'"{text}"'))
    desk.ingest(desk.books(decimal_separator=",", thousands_separator=" "))
    assert desk.query("select gross_amount from raw.invoices") == [(Decimal(value),)]


@pytest.mark.parametrize("text", ["1 23,50", "12 34", "1.234,5", "1234 567"])
def test_thousands_out_of_place_are_refused(desk: Desk, row: Row, text: str) -> None:
    desk.invoices(row(amount=f'"{text}"'))
    message = refusal(desk, decimal_separator=",", thousands_separator=" ")
    assert "is not a number with a decimal comma and spaces between thousands" in message


@pytest.mark.parametrize(
    ("date_format", "text", "value"),
    [
        ("%m/%d/%Y", "1/2/2013", date(2013, 1, 2)),
        ("%d.%m.%y", "02.01.13", date(2013, 1, 2)),
        ("%Y%m%d", "20130102", date(2013, 1, 2)),
        ("%d-%b-%Y", "02-Jan-2013", date(2013, 1, 2)),
        ("%Y-%m-%d %H:%M:%S", "2013-01-02 23:59:59", date(2013, 1, 2)),
    ],
)
def test_date_formats(desk: Desk, row: Row, date_format: str, text: str, value: date) -> None:
    desk.invoices(row(issued=text))
    desk.ingest(desk.books(date_format=date_format))
    assert desk.query("select issue_date from raw.invoices") == [(value,)]


@pytest.mark.parametrize("text", ["2013102", "201312", "2013 102"])
def test_compact_date_needs_all_its_digits(desk: Desk, row: Row, text: str) -> None:
    desk.invoices(row(issued=text))
    assert f"'{text}' is not a date written as %Y%m%d" in refusal(desk, date_format="%Y%m%d")


def test_texts_are_trimmed_and_codes_have_one_case(desk: Desk, row: Row) -> None:
    desk.invoices(row(" 1\u00a0", customer="\ta B ", currency="eur", amount=" 12.50 "))
    desk.ingest(desk.books())
    assert desk.query(
        "select invoice_number, customer_code, currency_code, document_type from raw.invoices"
    ) == [("1", "a B", "EUR", "invoice")]


def test_words_for_true_and_false(desk: Desk, row: Row) -> None:
    words = ["true", "1", "Yes", "OUI", "y", "t", "false", "0", "no", "NON", "n", "f", ""]
    desk.invoices(*(f"{row(str(n))},{word}" for n, word in enumerate(words)), header=HEADER + ",x")
    feeds = {"invoices": INVOICES | {"is_factored": "x"}}
    desk.ingest(desk.books(feeds=feeds))
    values = desk.query("select is_factored from raw.invoices order by _source_row")
    assert [value for (value,) in values] == [True] * 6 + [False] * 6 + [None]
    desk.invoices(row() + ",maybe", header=HEADER + ",x")
    with pytest.raises(DataError, match=r"is_factored <- x: 'maybe' is neither true nor false"):
        desk.ingest(desk.books(feeds=feeds))


def test_unknown_code_is_refused_and_a_known_one_is_lower_case(desk: Desk, row: Row) -> None:
    feeds = {"invoices": INVOICES | {"document_type": "kind"}}
    desk.invoices(row("1") + ",Credit_Note", row("2") + ",", header=HEADER + ",kind")
    desk.ingest(desk.books(feeds=feeds))
    values = desk.query("select document_type from raw.invoices order by 1")
    assert values == [("credit_note",), ("invoice",)]
    desk.invoices(row() + ",bill", header=HEADER + ",kind")
    with pytest.raises(DataError, match=r"'bill' is not one of invoice, debit_note, credit_note"):
        desk.ingest(desk.books(feeds=feeds))


def test_check_of_the_contract_refuses_the_row(desk: Desk) -> None:
    desk.put("rates.csv", "day,code,rate\n2026-01-02,USD,1.1\n2026-01-02,GBP,0\n2026-01-02,CHF,x\n")
    rates = {
        "rate_date": "day",
        "currency_code": "code",
        "units_per_base": "rate",
        "base_currency_code": {"value": "EUR"},
    }
    with pytest.raises(DataError) as caught:
        desk.ingest(desk.books(path="rates.csv", feeds={"fx_rates": rates}))
    message = str(caught.value)
    assert "rates.csv:3: units_per_base must be above zero" in message
    assert "rates.csv:4: units_per_base <- rate: 'x' is not a number" in message
    assert len(desk.refused()) == 2


def test_check_is_not_blamed_for_a_value_that_is_wrong_itself(desk: Desk) -> None:
    names = ("entity_code", "allocation_id", "invoice_number", "amount", "allocation_date", "kind")
    desk.put("a.csv", f"{','.join(names)}\nF,1,I,5,31/02/2026,discount\nF,2,I,5,,discount\n")
    with pytest.raises(DataError, match=r"a.csv:3: a discount needs allocation_date") as caught:
        desk.ingest(desk.books(path="a.csv", feeds={"allocations": {name: name for name in names}}))
    assert "a.csv:2: allocation_date <- allocation_date: '31/02/2026' is not" in str(caught.value)
    assert len(desk.refused()) == 2


def test_rate_keeps_twelve_decimals(desk: Desk) -> None:
    desk.put("rates.csv", "day,code,rate\n2026-01-02,USD,1.123456789012\n")
    rates = {
        "rate_date": "day",
        "currency_code": "code",
        "units_per_base": "rate",
        "base_currency_code": {"value": "EUR"},
    }
    desk.ingest(desk.books(path="rates.csv", feeds={"fx_rates": rates}))
    assert desk.query("select units_per_base from raw.fx_rates") == [(Decimal("1.123456789012"),)]


def test_integer_takes_zeros_for_decimals_only(desk: Desk) -> None:
    mapping = {
        name: name
        for name in ("entity_code", "reminder_id", "invoice_number", "planned_on", "level")
    }
    head = ",".join(mapping)
    options: dict[str, Any] = {"path": "reminders.csv", "feeds": {"reminders": mapping}}
    desk.put("reminders.csv", f"{head}\nF,1,I,2026-01-01,3.0\nF,2,I,2026-01-01,-4\n")
    desk.ingest(desk.books(**options))
    assert desk.query("select level from raw.reminders order by 1") == [(-4,), (3,)]
    desk.put("reminders.csv", f"{head}\nF,1,I,2026-01-01,3.5\nF,2,I,2026-01-01,9999999999\n")
    with pytest.raises(DataError) as caught:
        desk.ingest(desk.books(**options))
    assert "'3.5' has more than 0 decimals" in str(caught.value)
    assert "'9999999999' is too large for integer" in str(caught.value)


def test_month_must_be_its_first_day(desk: Desk) -> None:
    desk.put("costs.csv", "e,m,c,a\nF,2026-01-31,staff,5\n")
    mapping = {"entity_code": "e", "period_month": "m", "category": "c", "cost_amount": "a"}
    with pytest.raises(DataError, match=r"2026-01-31 is not the first day of a month"):
        desk.ingest(desk.books(path="costs.csv", feeds={"collection_costs": mapping}))


def test_every_reason_of_a_row_is_recorded_and_the_row_counts_once(desk: Desk, row: Row) -> None:
    bad = row("2", amount="x", issued="y", currency="z")
    desk.invoices(row("1"), bad)
    result = desk.ingest(desk.books(max_rejected_rows=1))
    assert (result.rejected, result.files[0].rows_refused) == (1, 1)
    assert desk.query(
        "select source, source_file, source_row, feed, column_name, row_text, load_id "
        "from raw.rejected_rows order by column_name"
    ) == [
        ("books", "invoices.csv", 3, "invoices", f"{name} <- {origin}", bad, result.load_id)
        for name, origin in (
            ("currency_code", "currency"),
            ("gross_amount", "amount"),
            ("issue_date", "issued"),
        )
    ]


def test_texts_that_mean_nothing_are_null(desk: Desk, row: Row) -> None:
    feeds = {"invoices": INVOICES | {"due_date": "due"}}
    desk.invoices(row("1") + ",N/A", row("2") + ",", header=HEADER + ",due")
    desk.ingest(desk.books(feeds=feeds, null_values=["N/A"]))
    assert desk.query("select distinct due_date from raw.invoices") == [(None,)]


def test_constants_and_sql_fill_columns(desk: Desk, row: Row) -> None:
    feeds = {
        "invoices": INVOICES
        | {
            "invoice_number": {"sql": "'F-' || number"},
            "gross_amount": {"sql": "cast(amount as decimal(18, 2)) * 2"},
            "due_date": {"sql": "cast(issued as date) + 30"},
            "opening_date": {"sql": "issued"},
            "is_factored": {"value": "no"},
            "net_amount": {"value": "1.5"},
            "where": "number <> '2'",
        }
    }
    desk.invoices(
        row("1", issued="01/31/2026"), row("2", issued="bad"), row("3", issued="2/1/2026")
    )
    feeds["invoices"]["due_date"] = {"sql": "strptime(issued, '%m/%d/%Y')::date + 30"}
    result = desk.ingest(desk.books(date_format="%m/%d/%Y", feeds=feeds))
    assert desk.query(
        "select invoice_number, gross_amount, due_date, opening_date, is_factored, net_amount "
        "from raw.invoices order by 1"
    ) == [
        ("F-1", Decimal(25), date(2026, 3, 2), date(2026, 1, 31), False, Decimal("1.50")),
        ("F-3", Decimal(25), date(2026, 3, 3), date(2026, 2, 1), False, Decimal("1.50")),
    ]
    assert (result.files[0].rows_read, result.files[0].rows_accepted) == (3, 2)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("amunt + 1", "this SQL does not work: amunt + 1"),
        ("amount ||", "this SQL does not work"),
        ("cast(amount as double)", "gives DOUBLE for gross_amount"),
        ("1); drop table file_0; select (1", "must be one SQL expression"),
        ("(select content from read_text('/etc/hostname'))", "this SQL does not work"),
        ("(select a from read_csv('/etc/hostname'))", "this SQL does not work"),
    ],
)
def test_sql_that_cannot_be_used_names_its_place(
    desk: Desk, row: Row, sql: str, reason: str
) -> None:
    desk.invoices(row())
    with pytest.raises(UsageError) as caught:
        desk.ingest(desk.books(feeds={"invoices": INVOICES | {"gross_amount": {"sql": sql}}}))
    assert "books.yml:8: files[0].feeds.invoices.gross_amount: " in str(caught.value)
    assert reason in str(caught.value)
    assert desk.numbers() == []


def test_sql_that_loses_decimals_refuses_the_row(desk: Desk, row: Row) -> None:
    desk.invoices(row(amount="1.005"))
    feeds = {"invoices": INVOICES | {"gross_amount": {"sql": "cast(amount as decimal(18, 3))"}}}
    assert "1.005 does not fit decimal(18, 2)" in refusal(desk, feeds=feeds)


def test_sql_that_fails_on_a_row_names_its_place(desk: Desk, row: Row) -> None:
    desk.invoices(row(amount="x"))
    feeds = {"invoices": INVOICES | {"gross_amount": {"sql": "cast(amount as decimal(18, 2))"}}}
    message = refusal(desk, feeds=feeds)
    assert "files[0].feeds.invoices fails on a row" in message
    assert "Use try_cast" in message


def test_where_that_is_no_condition_is_refused(desk: Desk, row: Row) -> None:
    desk.invoices(row())
    with pytest.raises(UsageError, match=r"invoices.where: gives VARCHAR, not true or false"):
        desk.ingest(desk.books(feeds={"invoices": INVOICES | {"where": "number"}}))


def test_constant_that_does_not_fit_is_refused(desk: Desk, row: Row) -> None:
    desk.invoices(row())
    with pytest.raises(UsageError, match=r"due_date: '31/12/2026' is not a date written as %Y"):
        desk.ingest(
            desk.books(feeds={"invoices": INVOICES | {"due_date": {"value": "31/12/2026"}}})
        )
