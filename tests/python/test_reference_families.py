"""The reference of dunning, promises, disputes, exposure, losses and cash cycle, by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from reference.companies import AS_OF, FIRST_DAY, companies, dataset, draw_companies, exchange_rates
from reference.families_customers import (
    Cover,
    credit_losses,
    expected_credit_loss,
    insured_amount,
    observed_loss_rates,
    over,
    roll_rate,
    valid_cover,
)
from reference.figures import GROUP, SLICE_KEY, Figures, period_of
from reference.kpis import Reference
from reference.ledger import Ledger
from reference.regressions import REGRESSIONS

Case = Mapping[str, list[dict[str, Any]]]

DAYS = ("_date", "_on", "_from", "_to", "_month")
AMOUNTS = ("amount", "rate", "sold")


def typed(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if name.endswith(DAYS):
        return date.fromisoformat(value)
    return Decimal(value) if name.endswith(AMOUNTS) else value


def reference(as_of: str = "2024-06-30", **case: list[dict[str, Any]]) -> Reference:
    """Reference of entity E; a row may name another entity, or none."""
    feeds = {
        feed: [
            {"entity_code": "E"} | {name: typed(name, value) for name, value in row.items()}
            for row in rows
        ]
        for feed, rows in case.items()
    }
    return Reference(feeds, date.fromisoformat(as_of))


def invoice(number: str, issued: str, gross: str, due: str | None = None, **more: Any) -> Any:
    row = {"invoice_number": number, "customer_code": "C1", "issue_date": issued}
    row |= {"gross_amount": gross, "currency_code": "EUR", **more}
    return row if due is None else row | {"due_date": due}


def receipt(number: str, received: str, amount: str, paid: str, **more: Any) -> Any:
    row = {"receipt_id": number, "customer_code": "C1", "receipt_date": received}
    return row | {"amount": amount, "currency_code": "EUR", "invoice_number": paid, **more}


def reminder(number: str, planned: str, done: str | None, **more: Any) -> Any:
    row = {"reminder_id": number, "invoice_number": "1", "planned_on": planned}
    return row | {"done_on": done, **more}


def promise(made: str, promised: str, amount: str, **more: Any) -> Any:
    row = {"promise_id": "P", "invoice_number": "1", "made_on": made}
    return row | {"promised_date": promised, "amount": amount, **more}


def dispute(number: str, opened: str, closed: str | None = None, **more: Any) -> Any:
    row = {"dispute_id": number, "invoice_number": "1", "opened_on": opened}
    return row | {"closed_on": closed, **more}


def rows_of(found: Reference, table: str, start: str, grain: str = "month", **wanted: Any) -> Any:
    """Rows of the slice `all` of entity E, for a period."""
    wanted = {"entity_code": "E", "segment_type": "all", "period_grain": grain, **wanted}
    wanted["period_start"] = date.fromisoformat(start)
    return [
        row
        for row in found.rows(table, wanted["entity_code"])
        if all(row[name] == value for name, value in wanted.items())
    ]


def row_of(found: Reference, table: str, start: str, grain: str = "month", **wanted: Any) -> Any:
    rows = rows_of(found, table, start, grain, **wanted)
    assert len(rows) == 1, rows
    return rows[0]


def values(row: Mapping[str, Any], *names: str) -> list[Any]:
    return [row[name] for name in names]


# Reminders


def test_a_reminder_chases_on_the_third_day_overdue_and_not_on_the_due_date() -> None:
    invoices = [invoice("1", "2024-01-01", "100", "2024-01-31")]
    for done, expected in (("2024-01-31", 0), ("2024-02-01", 1), ("2024-02-03", 1)):
        found = reference(invoices=invoices, reminders=[reminder("M", "2024-01-31", done)])
        row = row_of(found, "kpi_dunning", "2024-02-01")
        assert row["third_day_open_amount"] == 100
        assert row["chased_within_3_days_rate"] == expected
        assert row["chased_rate"] == expected
    late = reference(invoices=invoices, reminders=[reminder("M", "2024-02-04", "2024-02-04")])
    row = row_of(late, "kpi_dunning", "2024-02-01")
    assert values(row, "chased_within_3_days_rate", "chased_rate") == [0, 1]


def test_the_third_day_belongs_to_its_own_month() -> None:
    found = reference(invoices=[invoice("1", "2024-01-01", "100", "2024-01-29")])
    january, february = (
        row_of(found, "kpi_dunning", start) for start in ("2024-01-01", "2024-02-01")
    )
    assert values(january, "overdue_amount", "third_day_open_amount") == [100, 0]
    assert values(february, "overdue_amount", "third_day_open_amount") == [100, 100]


def test_reminders_are_counted_when_planned_and_when_done() -> None:
    found = reference(
        invoices=[invoice("1", "2024-01-01", "100", "2024-01-31")],
        receipts=[receipt("R", "2024-03-20", "100", "1")],
        reminders=[
            reminder("M1", "2024-02-10", "2024-02-10", cost_amount="2.50"),
            reminder("M2", "2024-02-28", "2024-03-05", cost_amount="3.50"),
            reminder("M3", "2024-03-31", None),
            reminder("M4", "2024-03-10", "2024-03-20"),
        ],
    )
    february = row_of(found, "kpi_dunning", "2024-02-01")
    assert values(february, "reminders_planned_count", "reminders_done_count") == [2, 1]
    assert values(february, "execution_rate", "cost_per_reminder") == [0.5, Decimal("2.5")]
    quarter = row_of(found, "kpi_dunning", "2024-01-01", "quarter")
    assert values(quarter, "reminders_planned_count", "reminders_planned_done_count") == [4, 3]
    # The receipt is on the fifteenth day after M2, and on the day of M4.
    assert values(quarter, "matured_reminder_count", "successful_reminder_count") == [3, 1]
    # Settled 39 days after the first reminder.
    assert values(quarter, "reminded_settled_count", "reminder_to_settlement_days_count") == [1, 39]
    assert quarter["collection_performance_index"] == Decimal("0.75") * 39


def test_a_reminder_matures_after_fifteen_days() -> None:
    case: Any = {
        "invoices": [invoice("1", "2024-01-01", "100", "2024-01-31")],
        "reminders": [reminder("M", "2024-02-10", "2024-02-10")],
    }
    for as_of, count, rate in (("2024-02-24", 0, None), ("2024-02-25", 1, 0)):
        row = row_of(reference(as_of, **case), "kpi_dunning", "2024-02-01")
        assert values(row, "matured_reminder_count", "reminder_success_rate") == [count, rate]


def test_open_items_stand_at_the_highest_level_reached() -> None:
    found = reference(
        invoices=[invoice(n, "2024-01-01", f"{n}00", "2024-01-31") for n in ("1", "2", "3")],
        reminders=[
            reminder("M1", "2024-02-01", "2024-02-01", level=4),
            reminder("M2", "2024-02-02", "2024-02-02", level=2),
            reminder("M3", "2024-02-02", "2024-03-02", level=7),
            reminder("M4", "2024-02-02", "2024-02-02", invoice_number="2"),
        ],
    )
    names = ("dunning_level", "level_order", "open_amount", "item_count")
    rows = rows_of(found, "kpi_dunning_status", "2024-02-01")
    assert [values(row, *names) for row in rows] == [
        ["none", 0, 500, 2],
        ["formal_notice", 4, 100, 1],
    ]
    rows = rows_of(found, "kpi_dunning_status", "2024-03-01")
    assert [values(row, *names) for row in rows] == [["none", 0, 500, 2], ["legal", 5, 100, 1]]


# Promises


def promised(*receipts: Any, amount: str = "60", as_of: str = "2024-06-30") -> Reference:
    return reference(
        as_of,
        invoices=[invoice("1", "2024-01-01", "100", "2024-01-31")],
        receipts=list(receipts),
        promises=[promise("2024-02-10", "2024-03-15", amount)],
    )


COUNTS = ("active_count", "kept_count", "broken_count")


def test_a_promise_is_kept_on_the_last_day() -> None:
    found = promised(receipt("R", "2024-03-15", "60", "1"))
    assert values(row_of(found, "kpi_promises", "2024-02-01"), *COUNTS) == [1, 0, 0]
    march = row_of(found, "kpi_promises", "2024-03-01")
    assert values(march, *COUNTS) == [0, 1, 0]
    assert values(march, "kept_amount", "kept_rate", "avg_broken_delay_days") == [60, 1, None]


def test_a_promise_is_broken_the_day_after() -> None:
    assert values(row_of(promised(as_of="2024-03-15"), "kpi_promises", "2024-03-01"), *COUNTS) == [
        1,
        0,
        0,
    ]
    found = promised(receipt("R", "2024-03-16", "60", "1"))
    march = row_of(found, "kpi_promises", "2024-03-01")
    assert values(march, *COUNTS) == [0, 0, 1]
    assert values(march, "broken_settled_count", "avg_broken_delay_days") == [1, 1]


def test_receipts_before_the_promise_and_bounced_ones_do_not_keep_it() -> None:
    early = receipt("R1", "2024-02-09", "60", "1")
    bounced = receipt("R2", "2024-03-01", "60", "1", reversed_on="2024-04-05")
    march = row_of(promised(early, bounced), "kpi_promises", "2024-03-01")
    assert values(march, *COUNTS, "broken_settled_count") == [0, 0, 1, 0]
    # Before the bounce is known, the promise is kept.
    known = promised(early, bounced, as_of="2024-04-04")
    assert values(row_of(known, "kpi_promises", "2024-03-01"), *COUNTS) == [0, 1, 0]


def test_a_promise_is_kept_by_several_receipts_on_the_day_of_the_last() -> None:
    parts = [receipt("R1", "2024-02-10", "30", "1"), receipt("R2", "2024-03-01", "30", "1")]
    found = promised(*parts)
    assert values(row_of(found, "kpi_promises", "2024-02-01"), *COUNTS) == [1, 0, 0]
    assert values(row_of(found, "kpi_promises", "2024-03-01"), *COUNTS) == [0, 1, 0]
    one_cent_short = promised(*parts, amount="60.01")
    assert values(row_of(one_cent_short, "kpi_promises", "2024-03-01"), *COUNTS) == [0, 0, 1]


# Disputes


def test_several_disputes_of_one_invoice_cover_its_balance_in_turn() -> None:
    found = reference(
        invoices=[
            invoice("1", "2024-01-01", "100", "2024-01-31"),
            invoice("2", "2024-01-05", "300"),
        ],
        receipts=[receipt("R", "2024-03-01", "50", "1")],
        disputes=[
            dispute("D2", "2024-02-10", amount="70", reason_code="PRICE"),
            dispute("D1", "2024-02-10", amount="20", reason_code="DELIVERY"),
            dispute("D0", "2024-02-20", "2024-03-15"),
        ],
    )
    february = row_of(found, "kpi_disputes", "2024-02-01")
    assert values(february, "disputed_amount", "open_dispute_count") == [100, 3]
    assert values(february, "opened_count", "dispute_rate") == [3, Decimal("0.25")]
    rows = rows_of(found, "kpi_dispute_reasons", "2024-02-01")
    assert {row["reason_code"]: row["open_amount"] for row in rows} == {
        "DELIVERY": 20,
        "PRICE": 70,
        "(none)": 10,
    }
    march = row_of(found, "kpi_disputes", "2024-03-01")
    names = ("over_30_days_amount", "over_30_days_count", "closed_count", "avg_resolution_days")
    assert values(march, "disputed_amount", *names) == [50, 50, 2, 1, 24]
    rows = rows_of(found, "kpi_dispute_reasons", "2024-03-01")
    assert {row["reason_code"]: values(row, "closed_amount", "open_amount") for row in rows} == {
        "DELIVERY": [0, 20],
        "PRICE": [0, 30],
        "(none)": [0, 0],
    }


def test_a_dispute_is_old_after_thirty_days_and_over_on_the_day_it_is_closed() -> None:
    invoices = [invoice("1", "2024-01-01", "100")]
    for as_of, count in (("2024-03-03", 0), ("2024-03-04", 1)):
        found = reference(as_of, invoices=invoices, disputes=[dispute("D", "2024-02-02")])
        assert row_of(found, "kpi_disputes", "2024-03-01")["over_30_days_count"] == count
    closed = reference(invoices=invoices, disputes=[dispute("D", "2024-02-02", "2024-02-29")])
    row = row_of(closed, "kpi_disputes", "2024-02-01")
    assert values(row, "open_dispute_count", "closed_count", "avg_resolution_days") == [0, 1, 27]
    assert row["resolution_ratio"] == Decimal("0.9")


def test_a_dispute_opened_and_closed_at_once_is_both_and_covers_nothing() -> None:
    found = reference(
        invoices=[invoice("1", "2024-02-01", "100")],
        disputes=[dispute("D", "2024-01-10", "2024-01-20", reason_code="X")],
    )
    row = row_of(found, "kpi_disputes", "2024-02-01")
    assert values(row, "opened_count", "closed_count", "resolution_days_count") == [1, 1, 0]
    assert values(row, "disputes_per_customer", "invoices_per_dispute") == [1, 1]
    reason = row_of(found, "kpi_dispute_reasons", "2024-02-01")
    assert values(reason, "opened_amount", "closed_amount", "open_amount") == [0, 0, 0]


def test_a_reason_of_non_payment_holds_until_another_is_noted_or_nothing_is_open() -> None:
    found = reference(
        invoices=[invoice("1", "2024-01-01", "100", "2024-01-31")],
        receipts=[receipt("R", "2024-04-10", "100", "1", reversed_on="2024-05-02")],
        reminders=[
            reminder("M1", "2024-02-05", "2024-02-05", non_payment_reason="CASH"),
            reminder("M2", "2024-02-05", "2024-02-05", non_payment_reason="LOST"),
            reminder("M3", "2024-02-15", "2024-02-15"),
            reminder("M4", "2024-02-20", "2024-02-20", non_payment_reason="LOST"),
            reminder("M5", "2024-03-05", "2024-03-05", non_payment_reason="CASH"),
        ],
    )
    names = ("reason_kind", "reason_code", "opened_count", "closed_count", "open_count")
    amounts = ("opened_amount", "closed_amount", "open_amount")
    months = {
        start: [
            values(row, *names, *amounts) for row in rows_of(found, "kpi_dispute_reasons", start)
        ]
        for start in ("2024-02-01", "2024-03-01", "2024-04-01", "2024-05-01")
    }
    assert months == {
        "2024-02-01": [["non_payment", "LOST", 1, 0, 1, 100, 0, 100]],
        "2024-03-01": [
            ["non_payment", "LOST", 0, 1, 0, 0, 100, 0],
            ["non_payment", "CASH", 1, 0, 1, 100, 0, 100],
        ],
        "2024-04-01": [["non_payment", "CASH", 0, 1, 0, 0, 100, 0]],
        # The receipt bounces, but the reason is not heard again.
        "2024-05-01": [],
    }


# Exposure


def limit(amount: str, **more: Any) -> Any:
    row = {"customer_code": "C1", "valid_from": "2024-01-01", "limit_amount": amount}
    return row | {"currency_code": "EUR", **more}


def insurance(amount: str, **more: Any) -> Any:
    row = {"customer_code": "C1", "valid_from": "2024-01-01", "insured_limit_amount": amount}
    return row | {"currency_code": "EUR", **more}


def test_a_limit_is_passed_by_one_cent() -> None:
    invoices = [
        invoice("1", "2024-01-01", "100"),
        invoice("2", "2024-01-01", "1", customer_code="C2"),
    ]
    names = ("over_limit_customer_count", "over_limit_customer_rate", "over_limit_amount")
    for amount, expected in (("100", [0, 0, 0]), ("99.99", [1, 0.5, Decimal("0.01")])):
        found = reference(invoices=invoices, credit_limits=[limit(amount)])
        row = row_of(found, "kpi_credit_exposure", "2024-01-01")
        assert values(row, *names) == expected
        assert values(row, "no_limit_customer_count", "limit_amount") == [1, Decimal(amount)]
        assert row["utilisation_rate"] == 100 / Decimal(amount)


def test_a_limit_holds_to_its_last_day_and_the_newest_one_counts() -> None:
    rows = [
        {"entity_code": None}
        | limit("10", valid_from=date(2024, 1, 1), valid_to=date(2024, 1, 31)),
        {"entity_code": None} | limit("20", valid_from=date(2024, 1, 31)),
        {"entity_code": "E"} | limit("5", valid_from=date(2024, 2, 10)),
        {"entity_code": "F"} | limit("7", valid_from=date(2024, 2, 10)),
    ]
    rows = [row | {"limit_amount": Decimal(row["limit_amount"])} for row in rows]
    ledger = Ledger({}, date(2024, 6, 30))

    def found(entity_code: str, day: date, used: slice = slice(None)) -> Any:
        cover = valid_cover(ledger, rows[used], "limit_amount", entity_code, day)
        return None if cover is None else cover.amount

    assert found("E", date(2023, 12, 31)) is None
    assert [found("E", date(2024, 1, 30)), found("E", date(2024, 1, 31))] == [10, 20]
    assert [found(code, date(2024, 2, 10)) for code in ("E", "F", "G", GROUP)] == [5, 7, 20, 20]
    # The group adds the entities' own ones only where there is no common one.
    assert found(GROUP, date(2024, 2, 10), slice(2, None)) == 12


@pytest.mark.parametrize(
    ("receivables", "expected"),
    [("-5", 0), ("80", 72), ("100", 90), ("100.01", 90)],
)
def test_an_insurer_pays_its_quota_up_to_the_limit(receivables: str, expected: int) -> None:
    assert insured_amount(Decimal(receivables), Cover(Decimal(100), Decimal("0.9"))) == expected


def test_exposure_of_insured_customers() -> None:
    found = reference(
        customers=[
            {"customer_code": "C1", "risk_class": "D"},
            {"customer_code": "C2", "is_insurable": False},
        ],
        invoices=[
            invoice("1", "2024-01-01", "300"),
            invoice("2", "2024-01-01", "100", customer_code="C2"),
            invoice("3", "2024-01-01", "-50", customer_code="C3"),
        ],
        credit_insurance=[insurance("200", quota_rate="0.9")],
    )
    row = row_of(found, "kpi_credit_exposure", "2024-01-01")
    assert values(row, "insured_amount", "uninsured_amount", "coverage_rate") == [
        180,
        220,
        Decimal("0.45"),
    ]
    assert values(row, "over_cover_customer_count", "customer_with_balance_count") == [1, 3]
    assert values(row, "insured_revenue_amount", "insurable_revenue_amount") == [300, 250]
    assert values(row, "top_10_share", "herfindahl_index") == [1, Decimal("0.625")]
    assert values(row, "high_risk_amount", "receivables_amount") == [300, 350]
    names = ("risk_class", "is_high_risk", "customer_count", "receivables_amount", "insured_amount")
    rows = rows_of(found, "kpi_credit_exposure_classes", "2024-01-01")
    assert [values(row, *names) for row in rows] == [
        ["D", True, 1, 300, 180],
        ["(none)", False, 2, 50, 0],
    ]


def test_a_customer_counts_whole_in_the_segments_of_its_own_record() -> None:
    found = reference(
        customers=[{"customer_code": "C1", "business_unit": "B", "entity_code": None}],
        invoices=[
            invoice("1", "2024-01-01", "100", business_unit="A"),
            invoice("2", "2024-01-01", "10", entity_code="F"),
        ],
    )
    wanted = {"segment_type": "business_unit"}
    row = row_of(found, "kpi_credit_exposure", "2024-01-01", **wanted)
    assert values(row, "segment_code", "receivables_amount") == ["B", 100]
    row = row_of(found, "kpi_credit_exposure", "2024-01-01", **wanted, entity_code=GROUP)
    assert values(row, "receivables_amount", "customer_with_balance_count") == [110, 1]


def test_the_group_takes_the_record_of_the_first_entity_without_a_common_one() -> None:
    found = reference(
        customers=[
            {"customer_code": "C1", "risk_class": "E", "entity_code": "F"},
            {"customer_code": "C1", "risk_class": "A", "entity_code": "E"},
        ],
        invoices=[
            invoice("1", "2024-01-01", "100", entity_code="F"),
            invoice("2", "2024-01-02", "10"),
        ],
    )
    row = row_of(found, "kpi_credit_exposure_classes", "2024-01-01", entity_code=GROUP)
    assert values(row, "risk_class", "receivables_amount") == ["A", 110]


# Losses

# ECL-01 to ECL-05, then ECL-11: open amount, loss rate, expected loss.
FIRST_MATRIX = [
    ("not_due", "300000", "0.02", 6000),
    ("1_30", "140000", "0.04", 5600),
    ("31_60", "60000", "0.086957", 5217),
    ("61_90", "23000", "0.25", 5750),
    ("91_120", "5000", "1", 5000),
]
SECOND_MATRIX = [
    ("not_due", "15000000", "0.003", 45000),
    ("1_30", "7500000", "0.016", 120000),
    ("31_60", "4000000", "0.036", 144000),
    ("61_90", "2500000", "0.066", 165000),
    ("91_120", "1000000", "0.106", 106000),
]


@pytest.mark.parametrize(("bucket", "amount", "rate", "expected"), FIRST_MATRIX + SECOND_MATRIX)
def test_expected_loss_of_a_bucket(bucket: str, amount: str, rate: str, expected: int) -> None:
    found = expected_credit_loss({bucket: Decimal(amount)}, {bucket: Decimal(rate)})
    assert float(found) == pytest.approx(expected, abs=0.6)


@pytest.mark.parametrize(("matrix", "expected"), [(FIRST_MATRIX, 27567), (SECOND_MATRIX, 580000)])
def test_expected_loss_of_a_matrix(matrix: list[Any], expected: int) -> None:
    found = expected_credit_loss(
        {bucket: Decimal(amount) for bucket, amount, *_ in matrix} | {"no rate": Decimal(9)},
        {bucket: Decimal(rate) for bucket, _, rate, _ in matrix},
    )
    assert float(found) == pytest.approx(expected, abs=1)


def test_losses_of_doubtful_and_defaulting_customers() -> None:
    found = reference(
        "2024-04-30",
        customers=[
            {"customer_code": "C1", "is_doubtful": True, "business_unit": "B"},
            {"customer_code": "C2", "is_insolvent": True},
        ],
        invoices=[
            invoice("1", "2024-01-01", "100", "2024-06-30"),
            invoice("2", "2024-01-01", "40", "2024-06-30", customer_code="C2"),
            invoice("3", "2024-01-01", "10", "2024-01-31", customer_code="C3"),  # 90 days
            invoice("4", "2024-01-01", "10", "2024-01-30", customer_code="C4"),  # 91 days
            invoice("5", "2024-04-01", "500", "2024-06-30", customer_code="C5"),
        ],
        write_offs=[
            {
                "write_off_id": "W",
                "invoice_number": "5",
                "write_off_date": "2024-04-30",
                "amount": "25",
            }
        ],
        provisions=[
            {"customer_code": "C1", "provision_date": "2024-03-31", "provision_amount": "90"},
            {"customer_code": "C1", "provision_date": "2024-04-30", "provision_amount": "70"},
            {"customer_code": "C1", "provision_date": "2024-05-01", "provision_amount": "1"},
            {"customer_code": "C9", "provision_date": "2024-03-31", "provision_amount": "1"},
        ],
    )
    row = row_of(found, "kpi_credit_losses", "2024-04-01")
    assert values(row, "doubtful_amount", "provision_amount", "provision_rate") == [140, 70, 0.5]
    assert values(row, "default_customer_count", "default_rate") == [2, Decimal("0.4")]
    assert values(row, "loss_rate", "loss_rate_basis") == [Decimal("0.05"), "seed"]
    assert row["provisions_and_losses_to_revenue"] == Decimal("0.19")
    march = row_of(found, "kpi_credit_losses", "2024-03-01")
    assert values(march, "provision_amount", "loss_rate") == [90, None]
    unit = row_of(
        found,
        "kpi_credit_losses",
        "2024-04-01",
        segment_type="business_unit",
        segment_code="B",
    )
    assert values(unit, "provision_amount", "receivables_amount") == [70, 100]


def test_a_provision_gives_a_slice_its_rows() -> None:
    case = REGRESSIONS["a provision is of a salesperson that no document is of yet, or ever"]
    found = reference("2024-05-31", **case)
    stocks = {
        (row["segment_code"], row["period_start"].month): row["provision_amount"]
        for row in found.rows("kpi_credit_losses", "E")
        if row["period_grain"] == "month" and row["segment_type"] == "salesperson"
    }
    assert stocks == {
        **{("S1", month): 0 for month in (2, 3, 4, 5)},
        **{("S2", month): 300 for month in (3, 4, 5)},
        **{("S3", month): stock for month, stock in ((2, 80), (3, 80), (4, 0), (5, 0))},
    }
    first_day = min(
        row["period_start"]
        for row in found.rows("kpi_dso", "E")
        if row["period_grain"] == "day" and row["segment_code"] == "S3"
    )
    assert first_day == date(2024, 2, 20)


def test_observed_loss_rates_multiply_what_rolls_on() -> None:
    found = reference(
        "2024-04-30",
        invoices=[
            invoice("1", "2024-01-10", "100", "2024-02-15"),
            invoice("2", "2024-01-10", "300", "2024-02-15"),
        ],
        # A quarter is late; of that, half is still open a month later.
        receipts=[receipt("R", "2024-02-15", "300", "2"), receipt("S", "2024-03-10", "50", "1")],
    )
    figures = Figures(found.ledger, found.ledger.items)
    rates = observed_loss_rates(figures, date(2024, 4, 30))
    # Opening and rolled of not due: 400 and 100; of 1 to 30: 100 and 50; of 31 to 60: 50 and 50.
    assert values(rates, "not_due", "1_30", "31_60", "over_120") == [
        Decimal("0.125"),
        Decimal("0.5"),
        1,
        1,
    ]
    row = credit_losses(figures, period_of("month", date(2024, 4, 30)), rates, "observed")
    assert values(row, "expected_credit_loss_amount", "loss_rate_basis") == [50, "observed"]


@pytest.mark.parametrize(
    ("rolled", "opening", "expected"),
    [("5", "10", "0.5"), ("12", "10", "1"), ("-1", "10", "0"), ("0", "0", "1")],
)
def test_a_roll_rate_stays_between_nothing_and_all(
    rolled: str, opening: str, expected: str
) -> None:
    assert roll_rate(Decimal(rolled), Decimal(opening)) == Decimal(expected)


# Cash cycle


def accounts(month: str, inventory: str | None, **more: Any) -> Any:
    names = ("cost_of_goods_sold", "purchases_amount", "payables_amount", "ebitda_amount")
    row = {"period_month": month, "inventory_amount": inventory, **dict.fromkeys(names, "0")}
    return row | {"cash_flow_amount": "0", "free_cash_flow_amount": "0", **more}


def test_a_published_cash_cycle() -> None:
    """CCC-01: 12,000 sold and 660 owed, 4,000 bought and 1,200 payable, 2,050 in stock."""
    months = [f"2023-{month:02}-01" for month in range(1, 12)]
    last = {"cost_of_goods_sold": "4000", "purchases_amount": "4000", "payables_amount": "1200"}
    found = reference(
        "2023-12-31",
        invoices=[invoice("1", "2023-01-01", "11340"), invoice("2", "2023-12-01", "660")],
        receipts=[receipt("R", "2023-06-01", "11340", "1")],
        financials=[
            accounts("2022-12-01", "2050"),
            *(accounts(month, "7") for month in months),
            accounts("2023-12-01", "2050", **last, cash_flow_amount="6", ebitda_amount="8"),
        ],
    )
    row = row_of(found, "kpi_cash_cycle", "2023-01-01", "year")
    assert float(row["ccc_days"]) == pytest.approx(97.64, abs=0.01)
    assert values(row, "opening_inventory_amount", "inventory_amount") == [2050, 2050]
    assert values(row, "cash_margin_rate", "free_cash_flow_rate") == [Decimal("0.75"), 0]
    december = row_of(found, "kpi_cash_cycle", "2023-12-01")
    assert float(december["dio_days"]) == pytest.approx((7 + 2050) / 2 / 4000 * 31)


def test_a_missing_month_or_entity_leaves_no_cash_cycle() -> None:
    found = reference(
        "2024-02-29",
        invoices=[
            invoice("1", "2024-01-01", "10"),
            invoice("2", "2024-01-01", "9", entity_code="F"),
        ],
        financials=[
            accounts("2024-01-01", "5", purchases_amount="10", payables_amount="10"),
            accounts("2024-02-01", None, purchases_amount="10", payables_amount="10"),
            accounts(
                "2024-02-01", "3", purchases_amount="10", payables_amount="10", entity_code="F"
            ),
        ],
    )
    quarter = row_of(found, "kpi_cash_cycle", "2024-01-01", "quarter")
    assert values(quarter, "purchases_amount", "dpo_days", "inventory_amount") == [20, 30, None]
    assert values(quarter, "dio_days", "ccc_days") == [None, None]
    group = row_of(found, "kpi_cash_cycle", "2024-02-01", entity_code=GROUP)
    assert values(group, "purchases_amount", "opening_inventory_amount") == [20, None]
    group = row_of(found, "kpi_cash_cycle", "2024-01-01", "quarter", entity_code=GROUP)
    assert values(group, "purchases_amount", "payables_amount") == [None, 20]
    assert over(None, Decimal(1)) is None


# What must agree for any company


@pytest.fixture(scope="module")
def drawn() -> Reference:
    named = {}
    for number, company in enumerate(draw_companies(25, 3, companies())):
        booked = {
            row["invoice_number"]: row["opening_date"] or row["issue_date"]
            for row in company["invoices"]
        }
        # A reminder before its invoice may lie in a month that its slice has no row of.
        reminders = [
            row
            for row in company["reminders"]
            if row["invoice_number"] in booked
            and booked[row["invoice_number"]] <= min(row["planned_on"], row["done_on"] or AS_OF)
        ]
        named[f"E{number:02}"] = company | {"reminders": reminders}
    return Reference(dataset(named, exchange_rates(FIRST_DAY, AS_OF)), AS_OF)


def by_slice(found: Reference, table: str) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    """Rows of a table, of every entity and the group, by the columns of the slice."""
    rows: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for entity_code in [*found.entities(), GROUP]:
        for row in found.rows(table, entity_code):
            rows.setdefault(tuple(row[name] for name in SLICE_KEY), []).append(row)
    return rows


def total(rows: Iterable[dict[str, Any]], column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in rows), Decimal(0))


def test_rows_of_levels_reasons_and_classes_add_up(drawn: Reference) -> None:
    ageing, disputes = by_slice(drawn, "kpi_ageing"), by_slice(drawn, "kpi_disputes")
    levels, reasons = by_slice(drawn, "kpi_dunning_status"), by_slice(drawn, "kpi_dispute_reasons")
    assert any(row["disputed_amount"] for (row,) in disputes.values())
    for key, (row,) in disputes.items():
        assert total(levels.get(key, []), "open_amount") == ageing[key][0]["open_invoices_amount"]
        of_disputes = [r for r in reasons.get(key, []) if r["reason_kind"] == "dispute"]
        for column, whole in (
            ("open_amount", "disputed_amount"),
            ("open_count", "open_dispute_count"),
            ("opened_count", "opened_count"),
            ("closed_count", "closed_count"),
        ):
            assert total(of_disputes, column) == row[whole]
    classes = by_slice(drawn, "kpi_credit_exposure_classes")
    for key, (row,) in by_slice(drawn, "kpi_credit_exposure").items():
        for column, whole in (
            ("customer_count", "customer_with_balance_count"),
            ("receivables_amount", "receivables_amount"),
            ("limit_amount", "limit_amount"),
            ("insured_amount", "insured_amount"),
        ):
            assert total(classes.get(key, []), column) == row[whole]
        if key[3] == "all":
            assert row["receivables_amount"] == ageing[key][0]["receivables_amount"]


def test_disputes_cover_what_the_history_of_items_says(drawn: Reference) -> None:
    disputes = by_slice(drawn, "kpi_disputes")
    covered: dict[tuple[Any, ...], Decimal] = {}
    for entity_code in [*drawn.entities(), GROUP]:
        for row in drawn.rows("fct_receivables_daily", entity_code):
            key = tuple(row[name] for name in ("snapshot_date", *SLICE_KEY[2:]))
            covered[key] = covered.get(key, Decimal(0)) + row["disputed_amount"]
    for (_, _, *of_slice), (row,) in disputes.items():
        if of_slice[1] != "customer":
            assert row["disputed_amount"] == covered.get((row["as_of_date"], *of_slice), 0)


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        (
            "kpi_dunning",
            ["reminders_done_count", "reminders_planned_count", "matured_reminder_count"],
        ),
        ("kpi_promises", ["kept_count", "kept_amount", "broken_amount", "broken_delay_days_count"]),
        ("kpi_disputes", ["opened_count", "closed_count", "resolution_days_count"]),
    ],
)
def test_months_add_up_to_years_and_entities_to_the_group(
    drawn: Reference, table: str, columns: list[str]
) -> None:
    rows = [row for found in by_slice(drawn, table).values() for row in found]
    wholes = [row for row in rows if row["segment_type"] == "all"]
    for row in wholes:
        months = [
            month
            for month in wholes
            if month["period_grain"] == "month"
            and month["entity_code"] == row["entity_code"]
            and row["period_start"] <= month["period_start"] <= row["period_end"]
        ]
        entities = [
            other
            for other in wholes
            if other["period_grain"] == row["period_grain"]
            and other["period_start"] == row["period_start"]
            and other["entity_code"] != GROUP
        ]
        for column in columns:
            assert total(months, column) == row[column]
            if row["entity_code"] == GROUP:
                assert total(entities, column) == row[column]
