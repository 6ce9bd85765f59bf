"""Collection, payment behaviour and invoicing.

Three kinds of facts are told apart: a flow belongs to the day of its movement, a receipt is late or
not by the day it was received, and a balance is converted on the day it is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from reference.figures import (
    GROUP,
    SLICE_KEY,
    Figures,
    OutputRow,
    Period,
    Table,
    difference,
    first_of_month,
    period_of,
    ratio,
)
from reference.ledger import (
    ONE_DAY,
    ZERO,
    Item,
    Ledger,
    Payment,
    is_receipt_on_debit_item,
    payments_of,
    settled_on,
)
from reference.seeds import seed, valid_on
from reference.terms import end_of_month, terms_of

INVOICE_TYPES = ("invoice", "debit_note")
COHORT_AGES = (30, 60, 90)
YEAR_DAYS = 365


class PaymentFlow(NamedTuple):
    """A movement of a receipt on a debit item, or its undoing, reporting currency."""

    item: Item
    day: date
    receipt_date: date
    amount: Decimal  # negative where it undoes one


# Facts of one item


def payments(item: Item, day: date) -> list[Payment]:
    """Receipts on an item that stand at the end of a day."""
    if ("payments", day) not in item.kept:
        item.kept["payments", day] = payments_of(item, day)
    found: list[Payment] = item.kept["payments", day]
    return found


def fell_due_on(item: Item) -> date | None:
    """Day on which a debit item fell due in these books, if it did."""
    if item.due_date is None:
        return None
    if item.item_type == "opening" and item.due_date < item.booking_date:
        return None
    return max(item.due_date, item.booking_date)


def is_overdue(ledger: Ledger, item: Item, day: date) -> bool:
    """Whether a debit item is past due, and not at zero, at the end of a day."""
    if item.due_date is None or day <= item.due_date or day < item.booking_date:
        return False
    return ledger.state(item, day).balance != 0


def first_overdue_day(ledger: Ledger, item: Item, first: date, last: date) -> date | None:
    """First day from one to another at whose end a debit item is overdue."""
    if item.due_date is None:
        return None
    day = max(first, item.due_date + ONE_DAY, item.booking_date)
    while day <= last:
        if is_overdue(ledger, item, day):
            return day
        day += ONE_DAY
    return None


def fell_overdue_on(ledger: Ledger, item: Item) -> date | None:
    """Day on which a debit item fell overdue in these books, if it was open at its end."""
    if item.due_date is None or item.due_date >= ledger.as_of:
        return None
    if item.item_type == "opening" and item.due_date < item.booking_date:
        return None
    day = max(item.due_date + ONE_DAY, item.booking_date)
    return day if is_overdue(ledger, item, day) else None


def settled_by_receipt_on(item: Item, day: date) -> date | None:
    """Day on which a receipt settled a debit item, as known at the end of a day."""
    if ("settled", day) not in item.kept:
        settled = settled_on(item, day)
        received = sum(
            (
                movement.amount
                for movement in item.movements
                if movement.day == settled and is_receipt_on_debit_item(movement)
            ),
            ZERO,
        )
        # What bounced since counts nowhere as paid, whatever made up for it.
        is_paid = received < 0 and bool(payments(item, day))
        item.kept["settled", day] = settled if is_paid else None
    found: date | None = item.kept["settled", day]
    return found


def breaks_legal_terms(item: Item) -> bool:
    """Whether the due date of an invoice is later than the law allows."""
    limits = valid_on(seed("legal_terms"), item.issue_date)
    if item.due_date is None or limits is None:
        return False
    terms = terms_of(item.payment_terms)
    if terms is None or terms.end_of_month == "none":
        return item.due_date > item.issue_date + timedelta(days=int(limits["max_days_net"]))
    days = timedelta(days=int(limits["max_days_end_of_month"]))
    return item.due_date > max(
        end_of_month(item.issue_date + days), end_of_month(item.issue_date) + days
    )


def benchmark_of(item: Item, day: date) -> Decimal | None:
    """Days to pay of the industry that an item's customer is in on a day."""
    industry_code = item.customer_on(day).get("industry_code") or ""
    known = [
        row for row in seed("sector_benchmarks") if industry_code.startswith(row["industry_code"])
    ]
    if not known:
        return None
    return Decimal(max(known, key=lambda row: len(row["industry_code"]))["days_to_pay"])


@cache
def annual_rate(name: str, day: date) -> Decimal:
    """Rate of a seed on a day; zero before its first one."""
    row = valid_on(seed(name), day)
    return ZERO if row is None else Decimal(row["annual_rate"])


# Facts of a slice


def debit_items(figures: Figures) -> list[Item]:
    """Invoices, debit notes and opening items on the debit side."""
    return figures.once("debit_items", lambda: [i for i in figures.items if i.side == "debit"])


def invoices_issued(figures: Figures, first: date, last: date) -> list[Item]:
    """Invoices and debit notes issued from one day to another."""
    return [
        item
        for item in debit_items(figures)
        if item.item_type in INVOICE_TYPES
        and first <= item.issue_date <= last
        and figures.holds(item, item.issue_date)
    ]


def payment_flows(figures: Figures, first: date, last: date) -> Iterator[PaymentFlow]:
    """Receipts allocated from one day to another, and what was undone of them."""
    for flow in figures.once("payment_flows", lambda: list(_payment_flows(figures))):
        if first <= flow.day <= last:
            yield flow


def _payment_flows(figures: Figures) -> Iterator[PaymentFlow]:
    for item in debit_items(figures):
        for movement in item.movements:
            if not figures.holds(item, movement.day):
                continue
            if is_receipt_on_debit_item(movement) and movement.origin is not None:
                yield PaymentFlow(
                    item,
                    movement.day,
                    movement.origin.issue_date,
                    figures.ledger.converted(-movement.amount, item.currency_code, movement.day),
                )


def days_of(first: date, last: date) -> Iterator[date]:
    """Every day from one to another."""
    while first <= last:
        yield first
        first += ONE_DAY


def at_issue(ledger: Ledger, item: Item, amount: Decimal) -> Decimal:
    """An amount of an item at the rate of its issue date."""
    return ledger.converted(amount, item.currency_code, item.issue_date)


# Collection


def collection(figures: Figures, period: Period) -> OutputRow:
    """Row of kpi_collection."""
    row = figures.once(("collection", period), lambda: _collection(figures, period))
    cost = collection_cost(figures, period)
    return row | {
        "collection_cost_amount": cost,
        "cost_per_euro_recovered": None if cost is None else ratio(cost, row["collected_amount"]),
        "cost_per_euro_recovered_late": None
        if cost is None
        else ratio(cost, row["collected_late_amount"]),
    }


def collection_cost(figures: Figures, period: Period) -> Decimal | None:
    """Cost of the months of a period; known for an entity or the group as a whole only."""
    if figures.segment_type != "all":
        return None
    costs = [
        row["cost_amount"]
        for row in figures.ledger.feeds.get("collection_costs", [])
        if figures.entity_code in (GROUP, row["entity_code"])
        and period.start <= row["period_month"] <= figures.as_of(period)
    ]
    return sum(costs, ZERO) if costs else None


def _collection(figures: Figures, period: Period) -> OutputRow:
    ledger = figures.ledger
    first, as_of = period.start, figures.as_of(period)
    closing = figures.position(as_of)
    opening = figures.position(first - ONE_DAY)
    revenue = figures.flow("revenue", first, as_of)
    collected = figures.flow("collected", first, as_of)
    month_count = len({first_of_month(day) for day in days_of(first, as_of)})
    on_time_receipts = sum(
        (
            flow.amount
            for flow in payment_flows(figures, first, as_of)
            if flow.item.due_date is not None and flow.receipt_date <= flow.item.due_date
        ),
        ZERO,
    )

    overdue = []
    for item in debit_items(figures):
        day = first_overdue_day(ledger, item, first, as_of)
        if day is not None and figures.holds(item, day):
            overdue.append(item)
    activated = [
        item for item in overdue if any(first <= p.day <= as_of for p in payments(item, as_of))
    ]

    fell_due = paid_on_time = ZERO
    for item in debit_items(figures):
        day = fell_due_on(item)
        if day is None or not first <= day <= as_of or not figures.holds(item, day):
            continue
        assert item.due_date is not None
        in_time = [p.amount for p in payments(item, as_of) if p.receipt_date <= item.due_date]
        fell_due += ledger.converted(item.issue_amount, item.currency_code, day)
        paid_on_time += ledger.converted(sum(in_time, ZERO), item.currency_code, day)

    collectable, still_open = _collectable(figures, first, as_of)
    row: OutputRow = {
        "opening_receivables_amount": opening.receivables,
        "receivables_amount": closing.receivables,
        "not_due_amount": closing.not_due,
        "revenue_amount": revenue,
        "month_count": month_count,
        "collected_amount": collected,
        "collected_late_amount": figures.flow("collected_late", first, as_of),
        **_cohort(figures, period),
        "overdue_invoice_count": len(overdue),
        "activated_invoice_count": len(activated),
        "fell_due_amount": fell_due,
        "on_time_amount": paid_on_time,
        "allocated_on_time_amount": on_time_receipts,
        "collectable_amount": collectable,
        "collectable_open_amount": still_open,
        "recovery_rate": ratio(collected, revenue),
        "cei": cei(opening.receivables, revenue, closing.receivables, closing.not_due),
        "cei_monthly_average": cei(
            opening.receivables, revenue / month_count, closing.receivables, closing.not_due
        ),
        "activation_rate": ratio(Decimal(len(activated)), Decimal(len(overdue))),
        "on_time_rate": ratio(paid_on_time, fell_due),
        "on_time_receipts_ratio": ratio(on_time_receipts, closing.receivables),
        "collectable_rate": difference(
            Decimal(1) if collectable > 0 else None, ratio(still_open, collectable)
        ),
    }
    return row


def cei(opening: Decimal, revenue: Decimal, closing: Decimal, not_due: Decimal) -> Decimal | None:
    """Collection effectiveness index: of what could be collected, the part that was."""
    return ratio(opening + revenue - closing, opening + revenue - not_due)


def _cohort(figures: Figures, period: Period) -> OutputRow:
    """What was received of the invoices issued in a period."""
    ledger = figures.ledger
    as_of = figures.as_of(period)
    cohort = invoices_issued(figures, period.start, as_of)
    invoiced = sum((at_issue(ledger, item, item.issue_amount) for item in cohort), ZERO)
    received = sum(
        (at_issue(ledger, item, p.amount) for item in cohort for p in payments(item, as_of)), ZERO
    )
    row: OutputRow = {
        "invoiced_amount": invoiced,
        "cohort_collected_amount": received,
        "cohort_recovery_rate": ratio(received, invoiced),
    }
    for age in COHORT_AGES:
        early: Decimal | None = None
        if period.end + timedelta(days=age) <= ledger.as_of:
            early = sum(
                (
                    at_issue(ledger, item, payment.amount)
                    for item in cohort
                    for payment in payments(item, ledger.as_of)
                    if (payment.receipt_date - item.issue_date).days <= age
                ),
                ZERO,
            )
        row[f"cohort_collected_{age}d_amount"] = early
        row[f"cohort_recovery_{age}d_rate"] = None if early is None else ratio(early, invoiced)
    return row


def _collectable(figures: Figures, first: date, as_of: date) -> tuple[Decimal, Decimal]:
    """What was to be collected from one day to another, and what is open of it in the end."""
    ledger = figures.ledger
    opening_day = first - ONE_DAY
    collectable = still_open = ZERO
    for item in debit_items(figures):
        if item.due_date is None or item.due_date > as_of or item.booking_date > as_of:
            continue
        if item.booking_date >= first:
            day, amount = item.booking_date, item.issue_amount
        else:
            day, amount = opening_day, ledger.state(item, opening_day).balance
            if amount == 0:
                continue
        if not figures.holds(item, day):
            continue
        collectable += ledger.converted(amount, item.currency_code, day)
        still_open += ledger.converted(ledger.state(item, as_of).balance, item.currency_code, as_of)
    return collectable, still_open


# Payment behaviour


def payment_behaviour(figures: Figures, period: Period) -> OutputRow:
    """Row of kpi_payment_behaviour."""
    first, as_of = period.start, figures.as_of(period)
    revenue = figures.flow("revenue", first, as_of)
    return {
        "revenue_amount": revenue,
        **_days_to_pay(figures, first, as_of),
        **_settled(figures, first, as_of),
        **_agreed_terms(figures, first, as_of, revenue),
        **_price_of_lateness(figures, first, as_of),
    }


def _days_to_pay(figures: Figures, first: date, as_of: date) -> OutputRow:
    allocated = dated = late = sector = ZERO
    to_pay = days_late = beyond_terms = sector_to_pay = sector_benchmark = ZERO
    for flow in payment_flows(figures, first, as_of):
        days = (flow.receipt_date - flow.item.issue_date).days
        allocated += flow.amount
        to_pay += flow.amount * days
        benchmark = benchmark_of(flow.item, flow.day)
        if benchmark is not None:
            sector += flow.amount
            sector_to_pay += flow.amount * days
            sector_benchmark += flow.amount * benchmark
        if flow.item.due_date is None:
            continue
        after_due = (flow.receipt_date - flow.item.due_date).days
        dated += flow.amount
        days_late += flow.amount * after_due
        if after_due > 0:
            late += flow.amount
            beyond_terms += flow.amount * after_due
    return {
        "allocated_amount": allocated,
        "allocated_dated_amount": dated,
        "collected_late_amount": late,
        "days_to_pay_weight": to_pay,
        "days_late_weight": days_late,
        "days_beyond_terms_weight": beyond_terms,
        "sector_allocated_amount": sector,
        "sector_days_to_pay_weight": sector_to_pay,
        "sector_benchmark_weight": sector_benchmark,
        "avg_days_to_pay": ratio(to_pay, allocated),
        "avg_days_late_weighted": ratio(days_late, dated),
        "avg_days_beyond_terms": ratio(beyond_terms, late),
        "late_payment_rate": ratio(late, dated),
        "sector_days_to_pay": ratio(sector_benchmark, sector),
        "vs_sector_days": ratio(sector_to_pay - sector_benchmark, sector),
    }


def _settled(figures: Figures, first: date, as_of: date) -> OutputRow:
    waits = []
    for item in debit_items(figures):
        settled = settled_by_receipt_on(item, as_of)
        if settled is not None and first <= settled <= as_of and figures.holds(item, settled):
            last_receipt = max(payment.receipt_date for payment in payments(item, as_of))
            waits.append((last_receipt - item.issue_date).days)
    return {
        "settled_invoice_count": len(waits),
        "settled_days_count": sum(waits),
        "avg_days_to_pay_unweighted": ratio(Decimal(sum(waits)), Decimal(len(waits))),
    }


def _agreed_terms(figures: Figures, first: date, as_of: date, revenue: Decimal) -> OutputRow:
    dated = weight = breaches = ZERO
    for item in invoices_issued(figures, first, as_of):
        if item.due_date is None:
            continue
        gross = at_issue(figures.ledger, item, item.issue_amount)
        dated += gross
        weight += gross * (item.due_date - item.issue_date).days
        if breaks_legal_terms(item):
            breaches += gross
    return {
        "invoiced_dated_amount": dated,
        "terms_weight": weight,
        "legal_breach_amount": breaches,
        "weighted_terms_days": ratio(weight, dated),
        "legal_terms_breach_rate": ratio(breaches, revenue),
    }


def _price_of_lateness(figures: Figures, first: date, as_of: date) -> OutputRow:
    amount_days = financing = interest = ZERO
    for day in days_of(max(first, figures.first_day), as_of):
        overdue = figures.position(day).overdue
        amount_days += overdue
        financing += overdue * annual_rate("financing_rates", day)
        interest += overdue * annual_rate("late_payment_rates", day)

    fell_overdue_count = 0
    flat_fee: Decimal | None = ZERO
    for item in debit_items(figures):
        fell = fell_overdue_on(figures.ledger, item)
        if fell is None or not first <= fell <= as_of or not figures.holds(item, fell):
            continue
        fell_overdue_count += 1
        fee = flat_fee_on(figures.ledger, fell)
        flat_fee = None if flat_fee is None or fee is None else flat_fee + fee
    return {
        "overdue_amount_days": amount_days,
        "fell_overdue_count": fell_overdue_count,
        "financing_cost_amount": financing / YEAR_DAYS,
        "late_interest_amount": interest / YEAR_DAYS,
        "flat_fee_amount": flat_fee,
    }


def flat_fee_on(ledger: Ledger, day: date) -> Decimal | None:
    """Fee for an invoice that falls overdue on a day; None where its currency has no rate."""
    row = valid_on(seed("flat_fees"), day)
    if row is None:
        return ZERO
    try:
        return ledger.converted(Decimal(row["fee_amount"]), row["currency_code"], day)
    except LookupError:
        return None


# Invoicing


def invoicing(figures: Figures, period: Period) -> OutputRow:
    """Row of kpi_invoicing."""
    first, as_of = period.start, figures.as_of(period)
    issued = invoices_issued(figures, first, as_of)
    invoiced = sum((at_issue(figures.ledger, item, item.issue_amount) for item in issued), ZERO)
    credit_note_count = sum(
        item.item_type == "credit_note"
        and first <= item.issue_date <= as_of
        and figures.holds(item, item.issue_date)
        for item in figures.items
    )
    credited = figures.flow("credit_note", first, as_of)
    active, signed = active_customers(figures, first, as_of)

    rate = ratio(Decimal(signed), Decimal(active))
    before = period_of(period.grain, first.replace(year=first.year - 1))
    rate_before: Decimal | None = None
    active_before: int | None = None
    signed_before: int | None = None
    if before.end >= figures.first_day:
        active_before, signed_before = active_customers(
            figures, before.start, figures.as_of(before)
        )
        rate_before = ratio(Decimal(signed_before), Decimal(active_before))
    return {
        "invoice_count": len(issued),
        "invoiced_amount": invoiced,
        "credit_note_count": credit_note_count,
        "credit_note_amount": credited,
        "active_customer_count": active,
        "signed_customer_count": signed,
        "credit_note_count_rate": ratio(Decimal(credit_note_count), Decimal(len(issued))),
        "credit_note_rate": ratio(credited, invoiced),
        "signed_terms_rate": rate,
        "year_before_active_customer_count": active_before,
        "year_before_signed_customer_count": signed_before,
        "signed_terms_rate_change": difference(rate, rate_before),
    }


def active_customers(figures: Figures, first: date, as_of: date) -> tuple[int, int]:
    """Customers with a balance or a movement, and those of them that have signed the terms."""
    active, signed = set(), set()
    for item in figures.items:
        is_open = figures.holds(item, as_of) and figures.ledger.state(item, as_of).balance != 0
        if not is_open and not figures.has_moved(item, first, as_of):
            continue
        active.add(item.customer_code)
        signed_on = item.customer_on(as_of).get("terms_signed_on")
        if signed_on is not None and signed_on <= as_of:
            signed.add(item.customer_code)
    return len(active), len(signed)


TABLES: dict[str, Table] = {
    "kpi_collection": Table(SLICE_KEY, collection, is_of_items=False),
    "kpi_payment_behaviour": Table(SLICE_KEY, payment_behaviour),
    "kpi_invoicing": Table(SLICE_KEY, invoicing),
}

# What ratios are over: columns, or what is made of them.
DENOMINATORS: dict[str, Sequence[str | Callable[[OutputRow], Any]]] = {
    "recovery_rate": ["revenue_amount"],
    "cohort_recovery_rate": ["invoiced_amount"],
    "cohort_recovery_30d_rate": ["invoiced_amount"],
    "cohort_recovery_60d_rate": ["invoiced_amount"],
    "cohort_recovery_90d_rate": ["invoiced_amount"],
    "cei": [
        lambda row: (
            row["opening_receivables_amount"] + row["revenue_amount"] - row["not_due_amount"]
        )
    ],
    "cei_monthly_average": [
        lambda row: (
            row["opening_receivables_amount"]
            + row["revenue_amount"] / row["month_count"]
            - row["not_due_amount"]
        )
    ],
    "activation_rate": ["overdue_invoice_count"],
    "on_time_rate": ["fell_due_amount"],
    "on_time_receipts_ratio": ["receivables_amount"],
    "collectable_rate": ["collectable_amount"],
    "cost_per_euro_recovered": ["collected_amount"],
    "cost_per_euro_recovered_late": ["collected_late_amount"],
    "avg_days_to_pay": ["allocated_amount"],
    "avg_days_to_pay_unweighted": ["settled_invoice_count"],
    "avg_days_late_weighted": ["allocated_dated_amount"],
    "avg_days_beyond_terms": ["collected_late_amount"],
    "weighted_terms_days": ["invoiced_dated_amount"],
    "late_payment_rate": ["allocated_dated_amount"],
    "legal_terms_breach_rate": ["revenue_amount"],
    "sector_days_to_pay": ["sector_allocated_amount"],
    "vs_sector_days": ["sector_allocated_amount"],
    "credit_note_count_rate": ["invoice_count"],
    "credit_note_rate": ["invoiced_amount"],
    "signed_terms_rate": ["active_customer_count"],
    "signed_terms_rate_change": ["active_customer_count"],
}
# Where denominators are sums and differences, and of what: rounding may keep them from being zero.
DIFFERENCES: dict[str, list[str]] = {
    name: ["opening_receivables_amount", "revenue_amount", "not_due_amount"]
    for name in ("cei", "cei_monthly_average")
}
# Products of an amount and a rate, which a warehouse rounds in any currency.
PRODUCTS = {"financing_cost_amount", "late_interest_amount"}
# Ratios of sums of amounts times days.
WEIGHTED_DAYS = {
    "avg_days_to_pay",
    "avg_days_late_weighted",
    "avg_days_beyond_terms",
    "weighted_terms_days",
    "sector_days_to_pay",
    "vs_sector_days",
}
