"""Reminders, promises and disputes: what is done about an invoice, and what comes of it.

All three concern debit items only. Whatever is worked out of one item is kept with the item's
slices: `Figures` of any set of items adds it up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from reference.figures import SLICE_KEY, Figures, OutputRow, Period, Table, ratio
from reference.ledger import (
    NONE,
    ONE_DAY,
    ZERO,
    Item,
    Ledger,
    Row,
    balance_of,
    payments_of,
    settled_on,
)
from reference.seeds import seed, valid_on

REMINDER_ANSWER = timedelta(days=15)
RESOLUTION_NORM_DAYS = 30
LEVELS = ["none", "1", "2", "3", "formal_notice", "legal"]


# Facts of one item


def threshold(code: str, day: date) -> int:
    """Number of days that a threshold stands for on a day."""
    rows = [row for row in seed("thresholds") if row["threshold_code"] == code]
    row = valid_on(rows, day)
    assert row is not None, code
    return int(Decimal(row["value"]))


def first_zero_day(item: Item, day: date, last: date) -> date | None:
    """First day from a day on at whose end nothing is open; None where that never comes."""
    for candidate in sorted({day, *(movement.day for movement in item.movements)}):
        if day <= candidate <= last and balance_of(item, candidate) == 0:
            return candidate
    return None


def reminders_done(item: Item, day: date) -> list[Row]:
    """Reminders sent by a day."""
    return [
        row for row in item.reminders if row.get("done_on") is not None and row["done_on"] <= day
    ]


def is_followed_by_receipt(ledger: Ledger, item: Item, reminder: Row) -> bool:
    """Whether a receipt came within fifteen days of a reminder, as known at the end of the run."""
    return any(
        reminder["done_on"] < payment.receipt_date <= reminder["done_on"] + REMINDER_ANSWER
        for payment in payments_of(item, ledger.as_of)
    )


class Promise(NamedTuple):
    """A promise and what came of it, as known at the end of the run."""

    made_on: date
    promised_date: date
    amount: Decimal
    reached_on: date | None
    kept_on: date | None
    broken_on: date | None

    def is_active(self, day: date) -> bool:
        """Whether it is neither kept nor broken at the end of a day."""
        ended_on = self.kept_on or self.broken_on
        return self.made_on <= day and (ended_on is None or day < ended_on)


@lru_cache(maxsize=100_000)
def promises_of(ledger: Ledger, item: Item) -> list[Promise]:
    """Promises made by the end of the run."""
    found = []
    grace = timedelta(days=threshold("promise_grace_days", ledger.as_of))
    payments = payments_of(item, ledger.as_of)
    for row in item.promises:
        made_on = max(row["made_on"], item.booking_date)
        if made_on > ledger.as_of:
            continue
        reached_on = None
        for day in sorted({made_on, *(payment.receipt_date for payment in payments)}):
            received = sum(
                (p.amount for p in payments if made_on <= p.receipt_date <= day),
                ZERO,
            )
            if day >= made_on and received >= row["amount"]:
                reached_on = day
                break
        deadline = row["promised_date"] + grace
        kept_on = broken_on = None
        if reached_on is not None and reached_on <= deadline:
            kept_on = reached_on
        else:
            broken_on = max(deadline + ONE_DAY, made_on)
            if broken_on > ledger.as_of:
                broken_on = None
        found.append(
            Promise(made_on, row["promised_date"], row["amount"], reached_on, kept_on, broken_on)
        )
    return found


class Spell(NamedTuple):
    """Days from which and until which something is open on an item; the last one excluded."""

    opened_on: date
    closed_on: date | None
    reason_code: str
    key: str
    claim: Decimal | None

    def is_open(self, day: date) -> bool:
        """Whether it is open at the end of a day."""
        return self.opened_on <= day and (self.closed_on is None or day < self.closed_on)

    def is_closed(self, day: date) -> bool:
        """Whether it was closed by the end of a day."""
        return self.closed_on is not None and self.closed_on <= day

    def last_day(self) -> date:
        """Last day on which it was open, or the day that saw it come and go."""
        assert self.closed_on is not None
        return max(self.opened_on, self.closed_on - ONE_DAY)


@lru_cache(maxsize=100_000)
def disputes_of(item: Item) -> list[Spell]:
    """Disputes of an item, in the order in which they are covered."""
    found = []
    for row in item.disputes:
        opened_on = max(row["opened_on"], item.booking_date)
        closed_on = row.get("closed_on")
        if closed_on is not None:
            closed_on = max(closed_on, opened_on)
        found.append(
            Spell(
                opened_on,
                closed_on,
                row.get("reason_code") or NONE,
                row["dispute_id"],
                row.get("amount"),
            )
        )
    return sorted(found, key=lambda dispute: (dispute.opened_on, dispute.key))


@lru_cache(maxsize=100_000)
def non_payment_reasons_of(ledger: Ledger, item: Item) -> list[Spell]:
    """Reasons of non-payment, each from the day it was noted until it no longer holds.

    It ends with the next other reason, or before that on the day that leaves nothing open, and
    never starts again by itself.
    """
    notes: dict[date, str] = {}
    for row in sorted(
        reminders_done(item, ledger.as_of), key=lambda row: (row["done_on"], row["reminder_id"])
    ):
        if row.get("non_payment_reason"):
            notes[max(row["done_on"], item.booking_date)] = row["non_payment_reason"]

    found: list[Spell] = []
    for day, reason in sorted(notes.items()):
        if found and (found[-1].closed_on is None or found[-1].closed_on >= day):
            if found[-1].reason_code == reason:
                continue
            found[-1] = found[-1]._replace(closed_on=day)
        found.append(Spell(day, first_zero_day(item, day, ledger.as_of), reason, "", None))
    return found


@lru_cache(maxsize=1_000_000)
def covered(ledger: Ledger, item: Item, day: date) -> dict[str, Decimal]:
    """What each open dispute covers of the balance at the end of a day, document currency."""
    left = max(ledger.state(item, day).balance, ZERO)
    found = {}
    for dispute in disputes_of(item):
        if dispute.is_open(day):
            found[dispute.key] = left if dispute.claim is None else min(dispute.claim, left)
            left -= found[dispute.key]
    return found


def dispute_amount(ledger: Ledger, item: Item, dispute: Spell, day: date) -> Decimal:
    """What a dispute covers at the end of a day, reporting currency."""
    amount = covered(ledger, item, day).get(dispute.key, ZERO)
    return ledger.converted(amount, item.currency_code, day)


def reason_amount(ledger: Ledger, item: Item, reason: Spell, day: date) -> Decimal:
    """What a reason of non-payment covers at the end of a day, reporting currency."""
    amount = max(ledger.state(item, day).balance, ZERO) if reason.is_open(day) else ZERO
    return ledger.converted(amount, item.currency_code, day)


def dunning_level(item: Item, day: date) -> int:
    """Highest level of the reminders sent by a day, 0 to 5."""
    levels = [row.get("level") or 0 for row in reminders_done(item, day)]
    return min(max([0, *levels]), len(LEVELS) - 1)


# Tables


def debit_items(figures: Figures) -> Iterator[Item]:
    """Items that reminders, promises and disputes may concern."""
    return (item for item in figures.items if item.side == "debit")


def open_amount(ledger: Ledger, item: Item, day: date) -> Decimal:
    """Balance at the end of a day, reporting currency."""
    balance = ledger.state(item, day).balance
    # Before its currency has a rate nothing is open.
    return ledger.converted(balance, item.currency_code, day) if balance else ZERO


def customers_with_balance(figures: Figures, day: date) -> set[str]:
    """Customers with an open item at the end of a day."""
    return {
        item.customer_code
        for item in figures.items_on(day)
        if figures.ledger.state(item, day).balance != 0
    }


def active_customers(figures: Figures, first: date, last: date) -> set[str]:
    """Customers with a balance on the last day, or a movement from the first one on."""
    return customers_with_balance(figures, last) | {
        item.customer_code for item in figures.items if figures.has_moved(item, first, last)
    }


def issued_invoices(figures: Figures, first: date, last: date) -> list[Item]:
    """Invoices and debit notes issued from one day to another."""
    return [
        item
        for item in figures.items
        if item.item_type in ("invoice", "debit_note")
        and first <= item.issue_date <= last
        and figures.holds(item, item.issue_date)
    ]


def chased(figures: Figures, period: Period) -> OutputRow:
    """Overdue amounts, and the part of them that was chased."""
    ledger = figures.ledger
    first, last = period.start, figures.as_of(period)
    chase_days = timedelta(days=threshold("chase_within_days", ledger.as_of))
    overdue = chased_overdue = third_day_open = third_day_chased = ZERO
    for item in debit_items(figures):
        if item.due_date is None:
            continue
        if item.due_date < last and figures.holds(item, last):
            amount = open_amount(ledger, item, last)
            overdue += amount
            if was_chased(item, last):
                chased_overdue += amount
        third_day = item.due_date + chase_days
        if first <= third_day <= last and figures.holds(item, third_day):
            amount = open_amount(ledger, item, third_day)
            third_day_open += amount
            if was_chased(item, third_day):
                third_day_chased += amount
    return {
        "overdue_amount": overdue,
        "chased_overdue_amount": chased_overdue,
        "third_day_open_amount": third_day_open,
        "third_day_chased_amount": third_day_chased,
    }


def settled_after_reminder(figures: Figures, period: Period) -> list[int]:
    """Days from the first reminder to settlement, of each item settled in a period."""
    last = figures.as_of(period)
    found = []
    for item in debit_items(figures):
        settled_day = settled_on(item, last) if item.reminders else None
        if settled_day is None or not figures.holds(item, settled_day):
            continue
        if settled_day >= period.start:
            sent = [row["done_on"] for row in reminders_done(item, settled_day)]
            if sent:
                found.append((settled_day - min(sent)).days)
    return found


def kpi_dunning(figures: Figures, period: Period) -> OutputRow:
    """Reminders, and what comes of them."""
    ledger = figures.ledger
    first, last = period.start, figures.as_of(period)
    reminders = [(item, row) for item in debit_items(figures) for row in item.reminders]
    planned = [
        row
        for item, row in reminders
        if first <= row["planned_on"] <= last and figures.holds(item, row["planned_on"])
    ]
    planned_done = [
        row for row in planned if row.get("done_on") is not None and row["done_on"] <= last
    ]
    done = [
        (item, row)
        for item, row in reminders
        if row.get("done_on") is not None
        and first <= row["done_on"] <= last
        and figures.holds(item, row["done_on"])
    ]
    matured = [
        (item, row) for item, row in done if row["done_on"] + REMINDER_ANSWER <= ledger.as_of
    ]
    successful = [row for item, row in matured if is_followed_by_receipt(ledger, item, row)]
    costs = [row["cost_amount"] for _, row in done if row.get("cost_amount") is not None]
    cost = sum(costs, ZERO) if costs else None
    settlements = settled_after_reminder(figures, period)
    amounts = chased(figures, period)
    execution_rate = ratio(Decimal(len(planned_done)), Decimal(len(planned)))
    mean_days = ratio(Decimal(sum(settlements)), Decimal(len(settlements)))
    return amounts | {
        "reminders_planned_done_count": len(planned_done),
        "reminded_settled_count": len(settlements),
        "reminder_to_settlement_days_count": sum(settlements),
        "matured_reminder_count": len(matured),
        "successful_reminder_count": len(successful),
        "reminder_cost_amount": cost,
        "collected_late_amount": figures.flow("collected_late", first, last),
        "chased_rate": ratio(amounts["chased_overdue_amount"], amounts["overdue_amount"]),
        "chased_within_3_days_rate": ratio(
            amounts["third_day_chased_amount"], amounts["third_day_open_amount"]
        ),
        "reminders_planned_count": len(planned),
        "reminders_done_count": len(done),
        "execution_rate": execution_rate,
        "collection_performance_index": (
            None if execution_rate is None or mean_days is None else execution_rate * mean_days
        ),
        "reminder_success_rate": ratio(Decimal(len(successful)), Decimal(len(matured))),
        "cost_per_reminder": None if cost is None else ratio(cost, Decimal(len(done))),
    }


def was_chased(item: Item, day: date) -> bool:
    """Whether a reminder was sent after the due date and by a day."""
    assert item.due_date is not None
    return any(row["done_on"] > item.due_date for row in reminders_done(item, day))


def kpi_dunning_status(figures: Figures, period: Period) -> list[OutputRow]:
    """Open debit items by the highest level that they have reached."""
    ledger = figures.ledger
    last = figures.as_of(period)
    amounts = [ZERO for _ in LEVELS]
    counts = [0 for _ in LEVELS]
    for item in debit_items(figures):
        if ledger.state(item, last).balance != 0 and figures.holds(item, last):
            level = dunning_level(item, last)
            amounts[level] += open_amount(ledger, item, last)
            counts[level] += 1
    return [
        {
            "dunning_level": name,
            "level_order": order,
            "open_amount": amounts[order],
            "item_count": counts[order],
        }
        for order, name in enumerate(LEVELS)
        if counts[order] > 0
    ]


def kpi_promises(figures: Figures, period: Period) -> OutputRow:
    """Promises by what came of them."""
    ledger = figures.ledger
    first, last = period.start, figures.as_of(period)
    counts = {"active": 0, "kept": 0, "broken": 0}
    amounts = {"active": ZERO, "kept": ZERO, "broken": ZERO}
    settled = delay_days = 0
    for item in debit_items(figures):
        for promise in promises_of(ledger, item):
            for outcome, day in (
                ("active", last if promise.is_active(last) else None),
                ("kept", promise.kept_on),
                ("broken", promise.broken_on),
            ):
                if day is not None and first <= day <= last and figures.holds(item, day):
                    counts[outcome] += 1
                    amounts[outcome] += ledger.converted(promise.amount, item.currency_code, day)
            reached_on = promise.reached_on
            if promise.broken_on is None or reached_on is None:
                continue
            if first <= reached_on <= last and figures.holds(item, reached_on):
                settled += 1
                delay_days += (reached_on - promise.promised_date).days
    ended_count = counts["kept"] + counts["broken"]
    return {
        "active_count": counts["active"],
        "active_amount": amounts["active"],
        "kept_count": counts["kept"],
        "kept_amount": amounts["kept"],
        "broken_count": counts["broken"],
        "broken_amount": amounts["broken"],
        "broken_settled_count": settled,
        "broken_delay_days_count": delay_days,
        "kept_rate": ratio(Decimal(counts["kept"]), Decimal(ended_count)),
        "kept_amount_rate": ratio(amounts["kept"], amounts["kept"] + amounts["broken"]),
        "avg_broken_delay_days": ratio(Decimal(delay_days), Decimal(settled)),
    }


def kpi_disputes(figures: Figures, period: Period) -> OutputRow:
    """Disputes open, opened and closed."""
    ledger = figures.ledger
    first, last = period.start, figures.as_of(period)
    old_age = threshold("dispute_age_days", ledger.as_of)
    disputed = over_30_amount = ZERO
    open_count = over_30_count = opened = closed = resolution_days = 0

    def is_within(day: date, item: Item) -> bool:
        return first <= day <= last and figures.holds(item, day)

    for item in debit_items(figures):
        for dispute in disputes_of(item):
            if dispute.is_open(last) and figures.holds(item, last):
                amount = dispute_amount(ledger, item, dispute, last)
                open_count += 1
                disputed += amount
                if (last - dispute.opened_on).days > old_age:
                    over_30_count += 1
                    over_30_amount += amount
            if is_within(dispute.opened_on, item):
                opened += 1
            if dispute.closed_on is not None and is_within(dispute.closed_on, item):
                closed += 1
                resolution_days += (dispute.closed_on - dispute.opened_on).days
    open_invoices = figures.position(last).open_invoices
    customer_count = len(active_customers(figures, first, last))
    invoice_count = len(issued_invoices(figures, first, last))
    return {
        "open_invoices_amount": open_invoices,
        "open_dispute_count": open_count,
        "over_30_days_count": over_30_count,
        "over_30_days_amount": over_30_amount,
        "opened_count": opened,
        "closed_count": closed,
        "resolution_days_count": resolution_days,
        "active_customer_count": customer_count,
        "invoice_count": invoice_count,
        "disputed_amount": disputed,
        "dispute_rate": ratio(disputed, open_invoices),
        "over_30_days_rate": ratio(Decimal(over_30_count), Decimal(open_count)),
        "over_30_days_amount_rate": ratio(over_30_amount, disputed),
        "avg_resolution_days": ratio(Decimal(resolution_days), Decimal(closed)),
        "resolution_ratio": ratio(Decimal(resolution_days), Decimal(closed * RESOLUTION_NORM_DAYS)),
        "disputes_per_customer": ratio(Decimal(opened), Decimal(customer_count)),
        "invoices_per_dispute": ratio(Decimal(invoice_count), Decimal(opened)),
    }


def kpi_dispute_reasons(figures: Figures, period: Period) -> list[OutputRow]:
    """Disputes, and reasons of non-payment noted with reminders, by reason."""
    ledger = figures.ledger
    first, last = period.start, figures.as_of(period)
    found: dict[tuple[str, str], dict[str, Any]] = {}

    def add(kind: str, spell: Spell, what: str, amount: Decimal) -> None:
        row = found.setdefault(
            (kind, spell.reason_code),
            {
                "reason_kind": kind,
                "reason_code": spell.reason_code,
                "opened_count": 0,
                "opened_amount": ZERO,
                "closed_count": 0,
                "closed_amount": ZERO,
                "open_count": 0,
                "open_amount": ZERO,
            },
        )
        row[f"{what}_count"] += 1
        row[f"{what}_amount"] += amount

    def count(
        kind: str,
        item: Item,
        spell: Spell,
        worth: Callable[[Ledger, Item, Spell, date], Decimal],
    ) -> None:
        if first <= spell.opened_on <= last and figures.holds(item, spell.opened_on):
            add(kind, spell, "opened", worth(ledger, item, spell, spell.opened_on))
        closed_on = spell.closed_on
        if closed_on is not None and first <= closed_on <= last and figures.holds(item, closed_on):
            add(kind, spell, "closed", worth(ledger, item, spell, spell.last_day()))
        if spell.is_open(last) and figures.holds(item, last):
            add(kind, spell, "open", worth(ledger, item, spell, last))

    for item in debit_items(figures):
        for dispute in disputes_of(item):
            count("dispute", item, dispute, dispute_amount)
        for reason in non_payment_reasons_of(ledger, item):
            count("non_payment", item, reason, reason_amount)
    return list(found.values())


TABLES = {
    "kpi_dunning": Table(SLICE_KEY, kpi_dunning),
    "kpi_dunning_status": Table([*SLICE_KEY, "dunning_level"], kpi_dunning_status),
    "kpi_promises": Table(SLICE_KEY, kpi_promises),
    "kpi_disputes": Table(SLICE_KEY, kpi_disputes),
    "kpi_dispute_reasons": Table([*SLICE_KEY, "reason_kind", "reason_code"], kpi_dispute_reasons),
}

# Ratios and what they are over, as `compare` wants them.
DENOMINATORS: dict[str, list[str]] = {
    "chased_rate": ["overdue_amount"],
    "chased_within_3_days_rate": ["third_day_open_amount"],
    "execution_rate": ["reminders_planned_count"],
    "collection_performance_index": ["reminders_planned_count", "reminded_settled_count"],
    "reminder_success_rate": ["matured_reminder_count"],
    "cost_per_reminder": ["reminders_done_count"],
    "kept_rate": ["kept_count + broken_count"],
    "kept_amount_rate": ["kept_amount + broken_amount"],
    "avg_broken_delay_days": ["broken_settled_count"],
    "dispute_rate": ["open_invoices_amount"],
    "over_30_days_rate": ["open_dispute_count"],
    "over_30_days_amount_rate": ["disputed_amount"],
    "avg_resolution_days": ["closed_count"],
    "resolution_ratio": ["closed_count"],
    "disputes_per_customer": ["active_customer_count"],
    "invoices_per_dispute": ["opened_count"],
}
