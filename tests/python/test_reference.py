"""The reference itself, against published examples and cases worked by hand."""

from __future__ import annotations

import ast
import csv
import shutil
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
from reference import families_collection
from reference.companies import (
    ANCHOR,
    AS_OF,
    FIRST_DAY,
    companies,
    company_of,
    dataset,
    draw_companies,
    exchange_rates,
    shrunk,
    text_of,
)
from reference.compare import Warehouse, compare, compare_rows, is_ratio
from reference.figures import COUNTBACK_BOUNDS, GROUP, countback, periods
from reference.kpis import KEYS, Reference
from reference.ledger import Feeds
from reference.regressions import REGRESSIONS

SEED = 1


def reference(as_of: str | None = None, rates: list[Any] | None = None, **case: Any) -> Reference:
    """Reference of one entity, E."""
    feeds = dataset({"E": company_of(case)}, rates or [])
    return Reference(feeds, None if as_of is None else date.fromisoformat(as_of))


def invoice(number: str, issued: str, gross: str, due: str | None = None, **more: str) -> Any:
    row = {"invoice_number": number, "customer_code": "C1", "issue_date": issued}
    row |= {"gross_amount": gross, "currency_code": "EUR", **more}
    return row if due is None else row | {"due_date": due}


def receipt(number: str, received: str, amount: str, **more: str) -> Any:
    row = {"receipt_id": number, "customer_code": "C1", "receipt_date": received}
    return row | {"amount": amount, "currency_code": "EUR", **more}


def row_of(found: Reference, table: str, **wanted: Any) -> dict[str, Any]:
    """The only row of the slice `all` of entity E that has these values."""
    wanted = {"entity_code": "E", "segment_type": "all", **wanted}
    rows = [
        row
        for row in found.rows(table, wanted["entity_code"])
        if all(row[name] == value for name, value in wanted.items())
    ]
    assert len(rows) == 1, rows
    return rows[0]


def history(found: Reference, number: str) -> list[tuple[str, str, bool, str]]:
    """From, open amount, disputed or not, disputed amount of each interval of a document."""
    rows = [r for r in found.rows("fct_open_item_history", "E") if r["document_number"] == number]
    assert all(a["valid_to"] == b["valid_from"] for a, b in pairwise(rows))
    assert rows[-1]["valid_to"] == date(9999, 12, 31)
    return [
        (
            row["valid_from"].isoformat(),
            str(row["open_amount"]),
            row["is_disputed"],
            str(row["disputed_amount"]),
        )
        for row in rows
    ]


# Published examples


@pytest.mark.parametrize(
    ("receivables", "revenue", "grain", "as_of", "expected", "tolerance"),
    [
        pytest.param("10869", "17674", "quarter", "2023-03-31", 55.35, 0.005, id="JD Edwards"),
        pytest.param("15000", "10000", "month", "2023-06-30", 45, 0.01, id="creditguru"),
        pytest.param("20000", "10000", "month", "2023-06-30", 60, 0.01, id="intuit"),
        pytest.param("50", "730", "year", "2023-12-31", 25, 0.01, id="treasurers wiki"),
        pytest.param("640000", "742000", "month", "2023-06-30", 25.9, 0.05, id="kerrconsulting"),
        pytest.param("50000", "200000", "year", "2023-12-31", 91.25, 0.01, id="bit1024"),
        pytest.param("150000", "1800000", "year", "2023-12-31", 30.4, 0.05, id="trymesha"),
        pytest.param("1000", "1300", "quarter", "2023-06-30", 70, 0.01, id="pagesjaunes"),
        pytest.param("20000", "45000", "quarter", "2023-03-31", 40, 0.01, id="financefactory"),
        pytest.param("472", "2870.4", "year", "2023-12-31", 60, 0.05, id="finance-technique"),
        pytest.param("200000", "500000", "quarter", "2023-03-31", 36, 0.01, id="own arithmetic"),
    ],
)
def test_dso_of_published_examples(
    receivables: str, revenue: str, grain: str, as_of: str, expected: float, tolerance: float
) -> None:
    start = {"month": "2023-06-01", "quarter": as_of[:5], "year": "2023-01-01"}[grain]
    if grain == "quarter":
        start += "01-01" if as_of.endswith("03-31") else "04-01"
    excess = Decimal(receivables) - Decimal(revenue)
    found = reference(
        as_of,
        invoices=[
            invoice("1", start, revenue),
            invoice("2", "2022-12-31", str(max(excess, Decimal(0))), document_type="opening"),
        ],
        receipts=[receipt("R", as_of, str(max(-excess, Decimal(0))))],
    )
    row = row_of(found, "kpi_dso", period_grain=grain, as_of_date=date.fromisoformat(as_of))
    assert row["receivables_amount"] == Decimal(receivables)
    assert row["revenue_amount"] == Decimal(revenue)
    assert float(row["dso_days"]) == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize(
    ("not_due", "expected"),
    [pytest.param("4000", 12, id="creditguru"), pytest.param("3000", 9, id="intuit")],
)
def test_best_possible_dso_of_published_examples(not_due: str, expected: int) -> None:
    found = reference(
        "2023-06-30",
        invoices=[
            invoice("1", "2023-06-01", str(10000 - int(not_due)), "2023-06-20"),
            invoice("2", "2023-06-02", not_due, "2023-07-20"),
        ],
    )
    row = row_of(found, "kpi_dso", period_grain="month", is_period_complete=True)
    assert row["bpdso_days"] == expected
    assert row["add_days"] == 30 - expected


@pytest.mark.parametrize(
    ("receivables", "months", "expected"),
    [
        pytest.param(2000, "200/31 400/31 600/30 700/31 500/30", 129, id="anaplan 55580"),
        pytest.param(200, "100/30 75/30 75/30", 70, id="qlik"),
        pytest.param(1000000, "400000/30 350000/30 500000/30", 75, id="business.com"),
        pytest.param(405, "205/30 158/30 167/30", 67.54, id="Power BI community"),
    ],
)
def test_countback_of_published_examples(receivables: int, months: str, expected: float) -> None:
    pairs = [pair.split("/") for pair in months.split()]
    days = countback(Decimal(receivables), [(Decimal(rev), int(n)) for rev, n in pairs])
    assert days is not None
    assert float(days) == pytest.approx(expected, abs=0.01)


def test_countback_of_a_published_example_from_documents() -> None:
    sales = {"2023-08-05": "200", "2023-07-05": "400", "2023-06-05": "600", "2023-05-05": "700"}
    sales["2023-04-05"] = "500"
    found = reference(
        "2023-08-31",
        invoices=[invoice(day, day, amount) for day, amount in sales.items()],
        receipts=[receipt("R", "2023-08-06", "400")],
    )
    row = row_of(found, "kpi_dso", period_grain="month", period_start=date(2023, 8, 1))
    assert row["dso_countback_days"] == 129


# Formulas at their edges


def test_countback_counts_the_days_of_months_without_revenue_and_stops_with_the_history() -> None:
    assert countback(Decimal(0), []) == 0
    assert countback(Decimal(-1), [(Decimal(5), 30)]) is None
    assert countback(Decimal(10), [(Decimal(5), 30)]) is None
    assert countback(Decimal(10), [(Decimal(0), 12), (Decimal(20), 30)]) == 12 + 15
    # A month of -10 makes the remainder 20, half of the 40 before.
    assert countback(Decimal(10), [(Decimal(-10), 12), (Decimal(40), 30)]) == 12 + 15
    assert countback(Decimal(10), [(Decimal(10), 31)]) == 31


def test_a_ratio_without_a_positive_denominator_has_no_value() -> None:
    found = reference(
        "2024-02-10",
        invoices=[
            invoice("1", "2024-01-31", "100", "2024-01-31"),
            invoice("2", "2024-02-05", "-100"),
        ],
    )
    row = row_of(found, "kpi_dso", period_grain="month", period_start=date(2024, 2, 1))
    assert row["revenue_amount"] == -100
    assert row["dso_days"] is None
    assert row["dso_average_days"] is None
    assert row["dso_countback_days"] == 0
    assert row["theoretical_ratio"] is None


def test_due_today_is_not_overdue() -> None:
    found = reference("2024-01-31", invoices=[invoice("1", "2024-01-01", "100", "2024-01-30")])
    on_due_date = row_of(found, "kpi_ageing", period_grain="day", period_start=date(2024, 1, 30))
    day_after = row_of(found, "kpi_ageing", period_grain="day", period_start=date(2024, 1, 31))
    assert (on_due_date["not_due_amount"], on_due_date["overdue_amount"]) == (100, 0)
    assert (day_after["not_due_amount"], day_after["overdue_amount"]) == (0, 100)
    assert day_after["overdue_rate"] == 1
    assert day_after["over_30_rate_change"] == 0


def test_rolling_figures_need_the_whole_span_in_the_history() -> None:
    found = reference(
        "2024-03-15",
        invoices=[invoice("1", "2024-01-20", "300"), invoice("2", "2024-03-01", "100")],
    )
    march = row_of(found, "kpi_dso", period_grain="month", period_start=date(2024, 3, 1))
    assert march["rolling_3m_revenue_amount"] == 400
    assert march["rolling_3m_span_days"] == 31 + 29 + 15
    assert march["dso_rolling_3m_days"] == 75
    assert march["dso_rolling_12m_days"] is None
    february = row_of(found, "kpi_dso", period_grain="day", period_start=date(2024, 2, 29))
    assert february["dso_rolling_3m_days"] is None


def test_theoretical_receivables_hold_what_is_not_due_whether_paid_or_not() -> None:
    found = reference(
        "2024-01-31",
        invoices=[
            invoice("1", "2024-01-01", "100", "2024-01-31"),
            invoice("2", "2024-01-01", "50", "2024-01-30"),
            invoice("3", "2024-01-01", "25"),
        ],
        receipts=[receipt("R", "2024-01-02", "100", invoice_number="1")],
    )
    row = row_of(found, "kpi_dso", period_grain="month")
    assert row["theoretical_receivables_amount"] == 100
    assert row["theoretical_ratio"] == Decimal("0.75")


def test_factored_items_leave_receivables_and_revenue() -> None:
    found = reference(
        "2024-01-31",
        invoices=[
            invoice("1", "2024-01-01", "100", is_factored="true"),
            invoice("2", "2024-01-01", "50"),
            invoice("3", "2024-01-01", "20", document_type="credit_note", is_factored="true"),
            invoice("4", "2024-01-01", "7", document_type="opening", is_factored="true"),
        ],
    )
    row = row_of(found, "kpi_dso", period_grain="month")
    assert row["factored_receivables_amount"] == 87
    assert row["factored_revenue_amount"] == 80
    assert row["dso_excluding_factored_days"] == 31


# The ledger


def test_an_allocation_moves_on_the_latest_of_its_days() -> None:
    found = reference(
        "2024-01-31",
        invoices=[invoice("1", "2024-01-10", "100")],
        receipts=[receipt("R", "2024-01-05", "100")],
        allocations=[
            {
                "allocation_id": "A",
                "invoice_number": "1",
                "amount": "60",
                "allocation_date": "2024-01-01",
                "receipt_id": "R",
            }
        ],
    )
    assert history(found, "1") == [("2024-01-10", "40", False, "0")]
    assert history(found, "R") == [
        ("2024-01-05", "-100", False, "0"),
        ("2024-01-10", "-40", False, "0"),
    ]


MOVE = REGRESSIONS["a customer moves to another region in the middle of a month"]


@pytest.mark.parametrize(
    ("table", "month", "columns", "west", "south"),
    [
        pytest.param(
            "kpi_dso",
            "2024-04-01",
            "opening_receivables_amount collected_amount transferred_amount receivables_amount "
            "theoretical_receivables_amount revaluation_amount",
            "700 200 -500 0 0 0",
            "0 0 500 500 200 0",
            id="April",
        ),
        pytest.param(
            "kpi_dso",
            "2024-05-01",
            "opening_receivables_amount collected_amount transferred_amount receivables_amount",
            "0 0 0 0",
            "500 300 0 200",
            id="May",
        ),
        pytest.param(
            "kpi_collection",
            "2024-04-01",
            "fell_due_amount on_time_amount collectable_amount collectable_open_amount",
            "0 0 700 500",
            "700 200 0 0",
            id="what looks back",
        ),
        pytest.param(
            "kpi_collection",
            "2024-05-01",
            "collectable_amount collectable_open_amount overdue_invoice_count",
            "0 0 0",
            "500 200 1",
            id="what is still to collect",
        ),
        pytest.param(
            "kpi_invoicing", "2024-04-01", "active_customer_count", "1", "1", id="active in both"
        ),
        pytest.param(
            "kpi_promises", "2024-04-01", "active_amount kept_amount", "0 0", "300 0", id="promised"
        ),
        pytest.param(
            "kpi_promises", "2024-05-01", "active_amount kept_amount", "0 0", "0 300", id="kept"
        ),
    ],
)
def test_a_customer_takes_what_is_open_to_its_new_region(
    table: str, month: str, columns: str, west: str, south: str
) -> None:
    found = reference("2024-05-17", **MOVE)
    for region, values in (("WEST", west), ("SOUTH", south)):
        row = row_of(
            found,
            table,
            segment_type="region",
            segment_code=region,
            period_grain="month",
            period_start=date.fromisoformat(month),
        )
        assert [row[name] for name in columns.split()] == [Decimal(v) for v in values.split()]


def test_what_is_received_later_counts_in_the_cohort_of_the_old_region() -> None:
    found = reference("2024-05-17", **MOVE)
    slice_columns = {"segment_type": "region", "segment_code": "WEST", "period_grain": "year"}
    row = row_of(found, "kpi_collection", **slice_columns)
    assert row["invoiced_amount"] == 700
    assert row["cohort_collected_amount"] == 500


def test_a_bucket_is_collected_where_it_stood() -> None:
    found = reference("2024-05-17", **MOVE)
    buckets = {
        (row["segment_code"], row["period_start"].month, row["ageing_bucket"]): (
            row["opening_amount"],
            row["collected_from_bucket_amount"],
            row["rolled_amount"],
        )
        for row in found.rows("kpi_ageing_buckets", "E")
        if row["segment_type"] == "region" and row["period_grain"] == "month"
    }
    assert buckets["WEST", 4, "not_due"] == (700, 200, 500)
    assert buckets["SOUTH", 5, "1_30"] == (500, 300, 0)


def test_a_reversal_undoes_every_movement_of_the_receipt() -> None:
    allocation = {"invoice_number": "1", "receipt_id": "R"}
    found = reference(
        "2024-03-31",
        invoices=[invoice("1", "2024-01-01", "100", "2024-01-02")],
        receipts=[receipt("R", "2024-01-10", "80", reversed_on="2024-02-15")],
        allocations=[
            allocation | {"allocation_id": "A", "amount": "50"},
            allocation | {"allocation_id": "B", "amount": "5", "kind": "discount"},
            allocation | {"allocation_id": "C", "amount": "20", "allocation_date": "2024-03-01"},
        ],
    )
    assert history(found, "1") == [
        ("2024-01-01", "100", False, "0"),
        ("2024-01-10", "45", False, "0"),
        ("2024-02-15", "100", False, "0"),
    ]
    assert history(found, "R") == [
        ("2024-01-10", "-30", False, "0"),
        ("2024-02-15", "0", False, "0"),
    ]
    january, february, march = (
        row_of(found, "kpi_dso", period_grain="month", period_start=date(2024, month, 1))
        for month in (1, 2, 3)
    )
    names = ("collected_amount", "collected_late_amount", "discount_amount")
    assert [january[name] for name in names] == [80, 50, 5]
    assert [february[name] for name in names] == [-80, -50, -5]
    assert [march[name] for name in names] == [0, 0, 0]


def test_receipts_and_credit_notes_that_name_an_invoice_are_allocated_to_it() -> None:
    found = reference(
        "2024-01-31",
        invoices=[
            invoice("1", "2024-01-01", "100"),
            invoice("2", "2024-01-03", "-30", applies_to_invoice_number="1"),
            invoice(
                "3", "2024-01-04", "9", document_type="credit_note", applies_to_invoice_number="1"
            ),
        ],
        receipts=[receipt("R", "2024-01-05", "120", invoice_number="1")],
        allocations=[
            {
                "allocation_id": "A",
                "invoice_number": "nowhere",
                "amount": "9",
                "credit_note_number": "3",
            }
        ],
    )
    # Too much is kept as it is; an own allocation, even one that cannot be applied, rules.
    assert [row[1] for row in history(found, "1")] == ["100", "70", "-50"]
    assert [row[1] for row in history(found, "2")] == ["0"]
    assert [row[1] for row in history(found, "3")] == ["-9"]
    row = row_of(found, "kpi_dso", period_grain="month")
    assert row["revenue_amount"] == 61
    assert row["credit_note_amount"] == 39
    assert row["collected_amount"] == 120
    assert (row["open_invoices_amount"], row["unallocated_amount"]) == (-50, -9)


def test_what_is_unknown_or_of_another_currency_is_not_applied() -> None:
    allocation = {"amount": "10", "invoice_number": "1"}
    rates = [
        {
            "rate_date": date(2024, 1, 1),
            "currency_code": "USD",
            "units_per_base": Decimal(2),
            "base_currency_code": "EUR",
        }
    ]
    found = reference(
        "2024-01-31",
        rates,
        invoices=[invoice("1", "2024-01-01", "100")],
        receipts=[receipt("R", "2024-01-05", "40", invoice_number="1", currency_code="USD")],
        allocations=[
            allocation | {"allocation_id": "A", "receipt_id": "nothing"},
            allocation | {"allocation_id": "B", "credit_note_number": "1"},
        ],
        disputes=[{"dispute_id": "D", "invoice_number": "nowhere", "opened_on": "2024-01-01"}],
    )
    assert history(found, "1") == [("2024-01-01", "100", False, "0")]
    assert row_of(found, "kpi_dso", period_grain="month")["receivables_amount"] == 80


def test_opening_items_are_no_revenue() -> None:
    found = reference(
        "2024-01-31",
        invoices=[
            invoice("1", "2023-06-01", "100", "2023-07-01", document_type="opening")
            | {"opening_date": "2024-01-02"},
            invoice("2", "2024-01-02", "-30", document_type="opening"),
        ],
    )
    row = row_of(found, "kpi_dso", period_grain="month")
    assert (row["opening_items_amount"], row["revenue_amount"]) == (70, 0)
    assert (row["overdue_amount"], row["unallocated_amount"]) == (100, -30)
    open_items = {row["document_number"]: row for row in found.rows("fct_open_items", "E")}
    assert open_items["1"]["days_overdue"] == 214
    assert open_items["2"]["item_type"] == "opening"
    assert open_items["2"]["ageing_bucket"] == "unallocated"


def test_nothing_after_the_as_of_day_is_known() -> None:
    case = {
        "invoices": [invoice("1", "2024-01-01", "100"), invoice("2", "2024-02-01", "5")],
        "write_offs": [
            {
                "write_off_id": "W",
                "invoice_number": "1",
                "write_off_date": "2024-01-20",
                "amount": "40",
            }
        ],
        "disputes": [
            {
                "dispute_id": "D",
                "invoice_number": "1",
                "opened_on": "2023-12-01",
                "closed_on": "2024-01-25",
                "amount": "70",
            }
        ],
    }
    early = reference("2024-01-15", **case)
    assert history(early, "1") == [("2024-01-01", "100", True, "70")]
    by_default = reference(None, **case)
    assert by_default.ledger.as_of == date(2024, 2, 1)
    assert history(by_default, "1") == [
        ("2024-01-01", "100", True, "70"),
        ("2024-01-20", "60", True, "60"),
        ("2024-01-25", "60", False, "0"),
    ]
    feeds = dataset({"E": company_of(case)})
    assert Reference(feeds, run_day=date(2024, 1, 20)).ledger.as_of == date(2024, 1, 20)


def test_disputes_overlap_up_to_the_balance() -> None:
    dispute = {"invoice_number": "1"}
    found = reference(
        "2024-01-31",
        invoices=[invoice("1", "2024-01-01", "100")],
        receipts=[receipt("R", "2024-01-20", "100", invoice_number="1")],
        disputes=[
            dispute | {"dispute_id": "D", "opened_on": "2024-01-05", "amount": "30"},
            dispute
            | {"dispute_id": "F", "opened_on": "2024-01-07", "amount": "90"}
            | {"closed_on": "2024-01-09"},
            dispute | {"dispute_id": "G", "opened_on": "2024-01-12", "closed_on": "2024-01-15"},
        ],
    )
    assert [(day[-2:], flag, amount) for day, _, flag, amount in history(found, "1")] == [
        ("01", False, "0"),
        ("05", True, "30"),
        ("07", True, "100"),
        ("09", True, "30"),
        ("12", True, "100"),
        ("15", True, "30"),
        ("20", True, "0"),
    ]


def test_balances_at_the_rate_of_the_day_and_flows_at_their_own() -> None:
    rates = [
        {
            "rate_date": date(2024, 1, day),
            "currency_code": code,
            "units_per_base": Decimal(units),
            "base_currency_code": "GBP",
        }
        for day, code, units in ((1, "EUR", "1"), (1, "USD", "2"), (20, "USD", "1"))
    ]
    found = reference(
        "2024-01-31",
        rates,
        invoices=[invoice("1", "2024-01-01", "100", currency_code="USD")],
        receipts=[
            receipt("R", "2024-01-19", "40", currency_code="USD", invoice_number="1"),
            receipt("S", "2024-01-20", "5", currency_code="GBP"),
        ],
    )
    row = row_of(found, "kpi_dso", period_grain="month")
    assert row["revenue_amount"] == 50
    assert row["collected_amount"] == 20 + 5
    assert row["open_invoices_amount"] == 60
    # 60 dollars were worth 30 until the day on which they became worth 60.
    assert row["revaluation_amount"] == 30
    on_20th = row_of(found, "kpi_dso", period_grain="day", period_start=date(2024, 1, 20))
    assert on_20th["revaluation_amount"] == 30


def test_a_payment_for_another_customer_is_transferred_between_their_slices() -> None:
    found = reference(
        "2024-01-31",
        invoices=[invoice("1", "2024-01-01", "100")],
        receipts=[receipt("R", "2024-01-05", "100", invoice_number="1") | {"customer_code": "C2"}],
    )
    by_customer = {
        code: row_of(
            found, "kpi_dso", period_grain="month", segment_type="customer", segment_code=code
        )
        for code in ("C1", "C2")
    }
    assert by_customer["C1"]["transferred_amount"] == -100
    assert by_customer["C2"]["transferred_amount"] == 100
    assert by_customer["C2"]["collected_amount"] == 100
    assert by_customer["C2"]["receivables_amount"] == 0
    assert row_of(found, "kpi_dso", period_grain="month")["transferred_amount"] == 0


def test_the_entity_s_own_customer_rules_as_a_whole_and_the_invoice_over_both() -> None:
    found = reference(
        "2024-01-31",
        customers=[{"customer_code": "C1", "region": "WEST"}],
        invoices=[
            invoice("1", "2024-01-01", "1", salesperson_code="S9"),
            invoice("2", "2024-01-01", "2") | {"customer_code": "C2"},
            invoice("3", "2024-01-01", "4") | {"customer_code": "C9"},
        ],
    )
    rows = list(found.rows("fct_open_items", "E"))
    assert [row["region"] for row in rows] == ["WEST", "NORTH", "(none)"]
    assert [row["customer_segment"] for row in rows] == ["(none)", "SMALL", "(none)"]
    assert [row["salesperson_code"] for row in rows] == ["S9", "S2", "(none)"]
    assert [row["customer_name"] for row in rows] == ["C1", "Blanchard", "C9"]


def test_buckets_follow_the_items_that_stood_in_them() -> None:
    found = reference(
        "2024-03-10",
        invoices=[
            invoice("1", "2024-01-01", "100", "2024-01-31"),  # 29 days overdue on 29 February
            invoice("2", "2024-01-02", "60", "2024-01-31"),
            invoice("3", "2024-03-05", "5"),
        ],
        receipts=[
            receipt("R", "2024-03-02", "10", invoice_number="1"),
            receipt("S", "2024-03-03", "60", invoice_number="2", reversed_on="2024-03-04"),
        ],
    )
    march = {
        row["ageing_bucket"]: row
        for row in found.rows("kpi_ageing_buckets", "E")
        if (row["segment_type"], row["period_grain"]) == ("all", "month")
        and row["period_start"] == date(2024, 3, 1)
    }
    # R and S leave no open credit on a month's end; 61_90 and later were never reached.
    assert list(march) == ["not_due", "1_30", "31_60", "undated"]
    assert march["1_30"]["opening_amount"] == 160
    assert march["1_30"]["open_amount"] == 0
    assert march["1_30"]["collected_from_bucket_amount"] == 10
    assert march["1_30"]["bucket_recovery_rate"] == Decimal("0.0625")
    assert march["1_30"]["rolled_amount"] == 150
    assert march["31_60"]["item_count"] == 2
    assert march["31_60"]["rolled_amount"] == 0
    assert march["31_60"]["roll_rate"] is None
    assert march["undated"]["rolled_amount"] is None
    assert sum(row["share"] for row in march.values()) == 1


def test_periods_run_without_gaps_from_the_first_movement_of_the_slice() -> None:
    feeds = dataset(
        {
            "E": company_of({"invoices": [invoice("1", "2024-02-10", "1")]}),
            "F": company_of({"invoices": [invoice("1", "2023-12-31", "1")]}),
        }
    )
    found = Reference(feeds, date(2024, 4, 5))
    rows = [row for row in found.rows("kpi_dso", "E") if row["segment_type"] == "all"]
    assert {
        grain: sum(row["period_grain"] == grain for row in rows)
        for grain in ("day", "month", "quarter", "year")
    } == {"day": 56, "month": 3, "quarter": 2, "year": 1}
    april = rows[2]
    assert (april["days_in_period"], april["is_period_complete"]) == (5, False)
    # The calendar is the run's: F's December lets E look back three months from February.
    february = rows[0]
    assert february["rolling_3m_span_days"] == 31 + 31 + 29


# Collection, payment behaviour and invoicing


@pytest.mark.parametrize(
    ("terms", "issued", "due"),
    [
        pytest.param("45 jours fin de mois", "2025-04-10", "2025-05-31", id="solices.fr"),
        pytest.param("45 jours fin de mois", "2025-02-15", "2025-04-30", id="expertfiscal"),
        pytest.param("45 days end of month", "2025-03-10", "2025-04-30", id="fnaseph A"),
        pytest.param("Fin de mois + 45 jours", "2025-03-10", "2025-05-15", id="fnaseph B"),
        pytest.param("45 EOM", "2024-01-15", "2024-02-29", id="solon.law"),
        pytest.param("FDM + 45", "2025-04-02", "2025-06-14", id="finance-technique"),
        pytest.param("60 jours nets", "2011-10-07", "2011-12-06", id="scribd"),
        pytest.param("60 jours fin de mois le 17", "2003-03-01", "2003-05-17", id="Sage"),
        pytest.param(
            "30 days end of month on the 31", "2023-12-15", "2024-02-29", id="short month"
        ),
        pytest.param("Net 30", "2024-01-31", "2024-03-01", id="net first"),
        pytest.param("à réception", "2024-01-31", "2024-01-31", id="at once"),
        pytest.param("fin de mois", "2024-02-10", "2024-02-29", id="end of month alone"),
        pytest.param("45 days from end of month", "2025-03-10", "2025-05-15", id="from"),
        pytest.param("selon contrat", "2024-01-31", None, id="no terms"),
        pytest.param("30", "2024-01-31", None, id="a code or days"),
        pytest.param("2/10 net 30", "2024-01-31", None, id="two of them"),
        pytest.param("fin de mois 45 jours", "2024-01-31", None, id="no reading"),
    ],
)
def test_due_dates_from_terms(terms: str, issued: str, due: str | None) -> None:
    found = reference("2026-01-01", invoices=[invoice("1", issued, "1", payment_terms=terms)])
    (row,) = found.rows("fct_open_items", "E")
    assert row["due_date"] == (None if due is None else date.fromisoformat(due))


def test_terms_count_only_without_a_due_date_and_never_for_credits() -> None:
    found = reference(
        "2024-01-31",
        customers=[{"customer_code": "C1", "payment_terms": "60 days"}],
        invoices=[
            invoice("1", "2024-01-01", "1", "2024-01-05", payment_terms="30 days"),
            invoice("2", "2024-01-01", "1", payment_terms="30 days"),
            invoice("3", "2024-01-01", "1"),
            invoice("4", "2024-01-01", "1", payment_terms="as agreed"),
            invoice("5", "2024-01-01", "-1"),
            invoice("6", "2023-12-31", "1", document_type="opening", opening_date="2024-01-10"),
        ],
    )
    due = [row["due_date"] for row in found.rows("fct_open_items", "E")]
    assert due[:3] == [date(2024, 1, 5), date(2024, 1, 31), date(2024, 3, 1)]
    assert due[3:] == [None, None, date(2024, 2, 29)]


def test_collection_effectiveness_of_published_examples() -> None:
    found = reference(
        "2023-03-31",
        invoices=[
            invoice("1", "2022-12-31", "6200", "2023-01-31", document_type="opening"),
            invoice("2", "2023-01-10", "7300", "2023-02-10"),
            invoice("3", "2023-03-10", "3590", "2023-03-31"),
        ],
        receipts=[receipt("R", "2023-03-20", "10750")],
    )
    row = row_of(found, "kpi_collection", period_grain="quarter", period_start=date(2023, 1, 1))
    names = ("opening_receivables_amount", "revenue_amount", "receivables_amount")
    assert [row[name] for name in names] == [6200, 10890, 6340]
    assert (row["not_due_amount"], row["month_count"]) == (3590, 3)
    assert float(row["cei_monthly_average"]) == pytest.approx(0.559, abs=0.0005)  # creditguru
    assert float(row["cei"]) == pytest.approx(0.7963, abs=0.00005)  # wizedu
    assert row["recovery_rate"] == Decimal(10750) / 10890


def test_collectable_of_a_published_example() -> None:
    found = reference(
        "2024-02-29",
        invoices=[
            invoice("1", "2024-01-05", "700000", "2024-01-31"),
            invoice("2", "2024-02-01", "423000", "2024-02-29"),
            invoice("3", "2024-02-01", "999", "2024-03-01"),
            invoice("4", "2024-02-01", "999"),
            invoice("5", "2024-01-05", "50", "2024-01-20"),
        ],
        receipts=[
            receipt("R", "2024-02-10", "542000", invoice_number="1"),
            receipt("S", "2024-01-20", "50", invoice_number="5", reversed_on="2024-02-05"),
        ],
    )
    row = row_of(found, "kpi_collection", period_grain="month", period_start=date(2024, 2, 1))
    assert row["collectable_amount"] == 1123000
    assert row["collectable_open_amount"] == 581000
    assert float(row["collectable_rate"]) == pytest.approx(0.483, abs=0.0005)  # My DSO Manager


def test_receipts_of_a_cohort_wait_until_it_is_old_enough() -> None:
    case = {
        "invoices": [
            invoice("1", "2024-01-01", "100", "2024-01-31"),
            invoice("2", "2024-01-31", "60"),
        ],
        "receipts": [
            receipt("R", "2024-01-31", "40", invoice_number="1"),
            receipt("S", "2024-03-02", "30", invoice_number="2"),
            receipt("T", "2024-02-15", "20", invoice_number="1", reversed_on="2024-03-15"),
        ],
    }
    early, in_time, late = (
        row_of(
            reference(as_of, **case),
            "kpi_collection",
            period_grain="month",
            period_start=date(2024, 1, 1),
        )
        for as_of in ("2024-02-29", "2024-03-01", "2024-04-01")
    )
    assert early["cohort_collected_amount"] == 40
    assert early["cohort_collected_30d_amount"] is None
    assert in_time["cohort_collected_30d_amount"] == 40
    assert in_time["cohort_recovery_30d_rate"] == Decimal(40) / 160
    # 31 days after its issue; and T, 45 days after, has bounced since.
    assert late["cohort_collected_30d_amount"] == 40
    assert late["cohort_collected_60d_amount"] == 70
    assert late["cohort_recovery_90d_rate"] is None
    assert late["cohort_collected_amount"] == 40


def test_on_time_is_up_to_the_due_date_and_what_was_taken_over_late_fell_due_before() -> None:
    found = reference(
        "2024-02-29",
        invoices=[
            invoice("1", "2024-01-10", "100", "2024-02-10"),
            invoice("2", "2024-01-10", "50", "2024-02-09"),
            invoice("3", "2024-02-15", "30", "2024-02-01"),
            invoice("4", "2023-06-01", "7", "2024-01-05", document_type="opening")
            | {"opening_date": "2024-02-01"},
        ],
        receipts=[
            receipt("R", "2024-02-10", "80", invoice_number="1"),
            receipt("S", "2024-02-10", "50", invoice_number="2"),
        ],
        collection_costs=[
            {"period_month": f"2024-0{month}-01", "category": "STAFF", "cost_amount": "13"}
            for month in (1, 2, 3)
        ],
    )
    row = row_of(found, "kpi_collection", period_grain="month", period_start=date(2024, 2, 1))
    assert (row["fell_due_amount"], row["on_time_amount"]) == (180, 80)
    assert (row["allocated_on_time_amount"], row["collected_late_amount"]) == (80, 50)
    # 1, 3 and 4 on the last day, 2 on its first day late only before it was paid: not at all.
    assert (row["overdue_invoice_count"], row["activated_invoice_count"]) == (3, 1)
    assert row["cost_per_euro_recovered"] == Decimal("0.1")
    assert row["cost_per_euro_recovered_late"] == Decimal("0.26")
    (by_customer,) = (
        row
        for row in found.rows("kpi_collection", "E")
        if (row["segment_type"], row["period_grain"]) == ("customer", "month")
        and row["period_start"] == date(2024, 2, 1)
    )
    assert by_customer["collected_amount"] == 130
    assert by_customer["collection_cost_amount"] is None


def test_weighted_days_of_published_examples() -> None:
    found = reference(
        "2024-03-31",
        invoices=[
            invoice("1", "2024-01-01", "10"),
            invoice("2", "2024-01-01", "100"),
            invoice("3", "2024-02-01", "1000", "2024-02-16"),
            invoice("4", "2024-02-01", "3000", "2024-03-02"),
            invoice("5", "2024-02-01", "2000", "2024-03-17"),
        ],
        receipts=[
            receipt("R", "2024-01-06", "10", invoice_number="1"),
            receipt("S", "2024-01-11", "100", invoice_number="2"),
        ],
    )
    january, february = (
        row_of(
            found,
            "kpi_payment_behaviour",
            period_grain="month",
            period_start=date(2024, month, 1),
        )
        for month in (1, 2)
    )
    assert float(january["avg_days_to_pay"]) == pytest.approx(9.55, abs=0.01)  # D365 ideas
    assert january["avg_days_late_weighted"] is None
    assert february["weighted_terms_days"] == Decimal("32.5")  # snowday


def test_days_to_pay_of_a_published_example() -> None:
    waits = [28, 22, 15, 35, 20]  # Sage 50
    found = reference(
        "2024-02-29",
        invoices=[invoice(str(days), "2024-01-01", f"{days}0") for days in [*waits, 40]],
        receipts=[
            receipt(
                f"R{days}",
                str(date(2024, 1, 1) + timedelta(days=days)),
                f"{days}0",
                invoice_number=str(days),
            )
            for days in waits
        ],
        write_offs=[
            {
                "write_off_id": "W",
                "invoice_number": "40",
                "write_off_date": "2024-02-10",
                "amount": "400",
            }
        ],
    )
    row = row_of(found, "kpi_payment_behaviour", period_grain="year")
    assert row["settled_invoice_count"] == len(waits)
    assert row["avg_days_to_pay_unweighted"] == 24


def test_a_settlement_that_bounced_counts_nowhere() -> None:
    found = reference(
        "2024-02-29",
        invoices=[invoice("1", "2024-01-01", "100")],
        receipts=[
            receipt("R", "2024-01-20", "100", invoice_number="1", reversed_on="2024-02-05"),
            receipt("S", "2024-02-20", "100", invoice_number="1"),
        ],
    )
    rows = {
        (row["period_grain"], row["period_start"].month): row["settled_days_count"]
        for row in found.rows("kpi_payment_behaviour", "E")
        if row["segment_type"] == "all"
    }
    assert rows == {
        ("month", 1): 19,
        ("month", 2): 50,
        ("quarter", 1): 50,
        ("year", 1): 50,
    }


def test_late_interest_of_a_published_example(monkeypatch: pytest.MonkeyPatch) -> None:
    found = reference("2024-01-31", invoices=[invoice("1", "2024-01-01", "15000", "2024-01-01")])
    by_seed = row_of(found, "kpi_payment_behaviour", period_grain="month")
    assert by_seed["overdue_amount_days"] == 15000 * 30
    assert by_seed["late_interest_amount"] == Decimal(15000) * 30 * Decimal("0.145") / 365
    assert (by_seed["fell_overdue_count"], by_seed["flat_fee_amount"]) == (1, 40)

    monkeypatch.setattr(families_collection, "annual_rate", lambda *_: Decimal("0.15"))
    found = reference("2024-01-31", invoices=[invoice("1", "2024-01-01", "15000", "2024-01-01")])
    row = row_of(found, "kpi_payment_behaviour", period_grain="month")
    assert float(row["late_interest_amount"]) == pytest.approx(184.93, abs=0.005)  # agenceipro


def test_the_rate_of_a_day_changes_with_the_half_year() -> None:
    found = reference("2024-01-02", invoices=[invoice("1", "2023-12-30", "365", "2023-12-30")])
    year = row_of(found, "kpi_payment_behaviour", period_grain="year", is_period_complete=True)
    assert year["late_interest_amount"] == Decimal("0.14")
    assert year["financing_cost_amount"] == Decimal("0.05")
    year = row_of(found, "kpi_payment_behaviour", period_grain="year", is_period_complete=False)
    assert year["late_interest_amount"] == Decimal("0.29")


def test_legal_terms_are_60_days_or_45_end_of_month_in_either_reading() -> None:
    found = reference(
        "2024-03-31",
        invoices=[
            invoice("1", "2024-01-01", "1", "2024-03-01"),
            invoice("2", "2024-01-01", "2", "2024-03-02"),
            invoice("3", "2024-01-01", "4", "2024-03-16", payment_terms="45 EOM"),
            invoice("4", "2024-01-01", "8", "2024-03-17", payment_terms="EOM + 45"),
            invoice("5", "2024-01-20", "16", "2024-03-31", payment_terms="60 EOM"),
            invoice("6", "2024-01-01", "32"),
        ],
    )
    row = row_of(found, "kpi_payment_behaviour", period_grain="year")
    # 60 days from 1 January are over on 1 March, 45 days from the month's end on 16 March; 45 days
    # from 20 January lie in March, whose end is the limit.
    assert row["legal_breach_amount"] == 2 + 8
    assert row["legal_terms_breach_rate"] == Decimal(10) / 63


def test_the_benchmark_is_that_of_the_longest_code_that_begins_the_customer_s() -> None:
    found = reference(
        "2024-01-31",
        customers=[
            {"customer_code": "C1", "industry_code": "84.11Z"},
            {"customer_code": "C2", "industry_code": "8"},
        ],
        invoices=[
            invoice("1", "2024-01-01", "100"),
            invoice("2", "2024-01-01", "50") | {"customer_code": "C2"},
        ],
        receipts=[
            receipt("R", "2024-01-11", "100", invoice_number="1"),
            receipt("S", "2024-01-21", "50", invoice_number="2"),
        ],
    )
    row = row_of(found, "kpi_payment_behaviour", period_grain="month")
    assert (row["allocated_amount"], row["sector_allocated_amount"]) == (150, 100)
    assert row["sector_days_to_pay"] == Decimal("19.6")
    assert row["vs_sector_days"] == Decimal("-9.6")


def test_signed_terms_against_the_same_period_of_last_year() -> None:
    found = reference(
        "2024-03-31",
        customers=[
            {"customer_code": "C1", "terms_signed_on": "2023-03-31"},
            {"customer_code": "C2", "terms_signed_on": "2023-04-01"},
        ],
        invoices=[
            invoice("1", "2023-03-05", "100"),
            invoice("2", "2023-03-06", "60") | {"customer_code": "C2"},
            invoice("3", "2023-03-06", "-16", customer_code="C5"),
        ],
    )
    march, next_march = (
        row_of(found, "kpi_invoicing", period_grain="month", period_start=date(year, 3, 1))
        for year in (2023, 2024)
    )
    assert (march["active_customer_count"], march["signed_customer_count"]) == (3, 1)
    assert (march["credit_note_count_rate"], march["credit_note_rate"]) == (
        Decimal("0.5"),
        Decimal("0.1"),
    )
    assert march["signed_terms_rate_change"] is None
    assert next_march["signed_customer_count"] == 2
    assert next_march["signed_terms_rate_change"] == Decimal(2) / 3 - Decimal(1) / 3
    assert next_march["credit_note_rate"] is None


# Any company


@pytest.fixture(scope="module")
def random_feeds() -> Feeds:
    """Twelve random companies in one dataset."""
    drawn = draw_companies(12, SEED, companies())
    named = {"E000": ANCHOR} | {f"E{number:03}": c for number, c in enumerate(drawn, 1)}
    return dataset(named, exchange_rates(FIRST_DAY, AS_OF + timedelta(days=60)))


def test_every_row_rolls_forward_and_revaluation_is_the_sum_of_its_days(
    random_feeds: Feeds,
) -> None:
    found = Reference(random_feeds, AS_OF)
    daily: dict[tuple[str, str, str], dict[date, Decimal]] = {}
    for entity_code in [*found.entities(), "ALL"]:
        closing: dict[tuple[str, str, str], Decimal] = {}
        for row in found.rows("kpi_dso", entity_code):
            key = (row["period_grain"], row["segment_type"], row["segment_code"])
            assert row["opening_receivables_amount"] == closing.get(key, 0)
            closing[key] = row["receivables_amount"]
            assert row["receivables_amount"] == (
                row["opening_receivables_amount"]
                + row["opening_items_amount"]
                + row["revenue_amount"]
                - row["collected_amount"]
                - row["write_off_amount"]
                - row["discount_amount"]
                + row["transferred_amount"]
                + row["revaluation_amount"]
            )
            if row["segment_type"] == "all":
                assert row["transferred_amount"] == 0
            if row["period_grain"] == "day":
                daily.setdefault((entity_code, *key[1:]), {})[row["period_start"]] = row[
                    "revaluation_amount"
                ]
        for row in found.rows("kpi_dso", entity_code):
            days = daily.get((entity_code, row["segment_type"], row["segment_code"]))
            if days is not None:
                in_period = [
                    amount
                    for day, amount in days.items()
                    if row["period_start"] <= day <= row["as_of_date"]
                ]
                assert row["revaluation_amount"] == sum(in_period)


def test_buckets_add_up_to_receivables_and_entities_to_the_group(random_feeds: Feeds) -> None:
    found = Reference(random_feeds, AS_OF)
    totals: dict[tuple[str, date], Decimal] = {}
    for entity_code in [*found.entities(), "ALL"]:
        buckets: dict[tuple[str, str, date], Decimal] = {}
        for row in found.rows("fct_receivables_daily", entity_code):
            slice_day = (row["segment_type"], row["segment_code"], row["snapshot_date"])
            buckets[slice_day] = buckets.get(slice_day, Decimal(0)) + row["open_amount"]
        for row in found.rows("kpi_ageing", entity_code):
            assert row["receivables_amount"] == (
                row["not_due_amount"]
                + row["overdue_amount"]
                + row["undated_amount"]
                + row["unallocated_amount"]
            )
            if row["period_grain"] == "day":
                key = (row["segment_type"], row["segment_code"], row["period_start"])
                assert row["receivables_amount"] == buckets.get(key, 0)
                if row["segment_type"] == "all":
                    side = "group" if entity_code == "ALL" else "entities"
                    total = (side, row["period_start"])
                    totals[total] = totals.get(total, Decimal(0)) + row["receivables_amount"]
    days = [period.start for period in periods("day", FIRST_DAY, AS_OF)]
    assert all(totals["group", day] == totals["entities", day] for day in days)


def test_the_same_seed_draws_the_same_companies_and_they_can_be_written_as_text() -> None:
    drawn = draw_companies(5, SEED, companies())
    assert drawn == draw_companies(5, SEED, companies())
    for company in drawn:
        read_back = company_of(ast.literal_eval(text_of(company)))
        assert text_of(read_back) == text_of(company)
        first = Reference(dataset({"E": company}, exchange_rates(FIRST_DAY, AS_OF)), AS_OF)
        again = Reference(dataset({"E": read_back}, exchange_rates(FIRST_DAY, AS_OF)), AS_OF)
        assert list(first.rows("kpi_dso", "E")) == list(again.rows("kpi_dso", "E"))


def test_a_failing_company_is_made_as_small_as_it_goes_in_few_rounds() -> None:
    company = max(draw_companies(20, SEED, companies()), key=lambda c: len(c["receipts"]))
    rounds = 0

    def fails(candidates: list[Any]) -> list[bool]:
        nonlocal rounds
        rounds += 1
        return [len(c["receipts"]) >= 2 and len(c["invoices"]) >= 1 for c in candidates]

    small = shrunk(company, fails)
    assert [len(small[feed]) for feed in ("receipts", "invoices", "allocations")] == [2, 1, 0]
    assert rounds < 12


# The comparison

TYPES = {bool: "boolean", int: "bigint", date: "date", str: "varchar", Decimal: "decimal(38, 6)"}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Reference, Path]:
    """A reference, and a warehouse file that says the same."""
    found = reference(
        "2024-03-10",
        invoices=[
            invoice("1", "2024-01-25", "100", "2024-01-31"),
            invoice("2", "2024-02-05", "60.03", "2024-03-31"),
        ],
        receipts=[
            receipt("R", "2024-02-02", "100", invoice_number="1"),
            receipt("S", "2024-03-02", "33"),
        ],
        disputes=[{"dispute_id": "D", "invoice_number": "2", "opened_on": "2024-03-01"}],
    )
    folder = tmp_path_factory.mktemp("published")
    with duckdb.connect(str(folder / "encours.duckdb")) as connection:
        connection.execute("create schema marts")
        for table in KEYS:
            group = [] if table.startswith("fct_open_item") else [GROUP]
            rows = [row for code in [*found.entities(), *group] for row in found.rows(table, code)]
            columns = []
            names = [name for name in rows[0] if name != COUNTBACK_BOUNDS]
            for name in names:
                kind = next((type(row[name]) for row in rows if row[name] is not None), str)
                columns.append(f"{name} {'double' if is_ratio(name) else TYPES[kind]}")
            with (folder / f"{table}.csv").open("w", newline="") as file:
                csv.writer(file).writerows([row[name] for name in names] for row in rows)
            connection.execute(f"create table marts.{table} ({', '.join(columns)})")
            connection.execute(f"copy marts.{table} from '{folder / table}.csv'")
    return found, folder / "encours.duckdb"


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ("select 1", None),
        (
            "update marts.kpi_dso set write_off_amount = 0.01 where period_grain = 'year'",
            "kpi_dso.write_off_amount",
        ),
        (
            "update marts.kpi_ageing set over_90_rate = 0 where over_90_rate is null",
            "kpi_ageing.over_90_rate",
        ),
        (
            "update marts.kpi_ageing_buckets set roll_rate = null where roll_rate = 0",
            "kpi_ageing_buckets.roll_rate",
        ),
        ("delete from marts.fct_open_items where item_type = 'receipt'", "fct_open_items.row"),
        ("insert into marts.kpi_ageing from marts.kpi_ageing limit 1", "kpi_ageing.row"),
        (
            "update marts.fct_receivables_daily set item_count = 0 where item_count = 1",
            "fct_receivables_daily.item_count",
        ),
        (
            "update marts.fct_open_item_history set entity_code = 'F'",
            "fct_open_item_history.row",
        ),
        ("alter table marts.kpi_dso drop column add_days", "kpi_dso.add_days"),
    ],
)
def test_the_comparison_sees_a_change(
    published: tuple[Reference, Path], tmp_path: Path, change: str, difference: str | None
) -> None:
    found, template = published
    path = tmp_path / "encours.duckdb"
    shutil.copy(template, path)
    with duckdb.connect(str(path)) as connection:
        connection.execute(change)
    warehouse = Warehouse(path)
    seen = {f"{mismatch.table}.{mismatch.column}" for mismatch in compare(warehouse, found)}
    warehouse.close()
    assert seen == ({difference} if difference else set())


@pytest.mark.parametrize(
    ("column", "off_by", "is_exact", "is_seen"),
    [
        ("receivables_amount", 0.00005, False, False),
        ("receivables_amount", 0.00005, True, True),
        ("receivables_amount", 0.001, False, True),
        ("dso_days", 0.00001, False, False),
        ("dso_days", 0.00001, True, True),
        ("dso_days", 0.01, False, True),
        ("dso_countback_days", 0.00001, False, False),
        ("dso_countback_days", 0.00001, True, True),
        ("dso_countback_days", 0.02, False, True),
        ("days_in_period", 1, False, True),
    ],
)
def test_only_converted_amounts_may_be_off_and_by_little(
    column: str, off_by: float, is_exact: bool, is_seen: bool
) -> None:
    found = reference("2024-01-31", invoices=[invoice("1", "2024-01-01", "100")])
    row = row_of(found, "kpi_dso", period_grain="month")
    published = {
        name: float(value) if isinstance(value, Decimal) else value for name, value in row.items()
    }
    published[column] += off_by
    got = ("E", [tuple(published.values())])
    seen = [m.column for m in compare_rows("kpi_dso", got, [row], list(row), is_exact)]
    assert seen == ([column] if is_seen else [])
