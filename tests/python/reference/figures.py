"""Figures of a set of items, and what every family of them is made with.

A slice is a set of items, each on the days on which its customer is in the segment; most of its
figures depend on nothing else but the calendar of the run. Slices with the same items on the same
days share them, which is the only shortcut taken here.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from reference.ledger import (
    BUCKETS,
    END_OF_TIME,
    ONE_DAY,
    ZERO,
    Item,
    Ledger,
    Movement,
    bucket_of,
    is_receipt_on_debit_item,
)

Kept = TypeVar("Kept")

OutputRow = dict[str, Any]

GROUP = "ALL"
SLICE_KEY = ["period_grain", "period_start", "entity_code", "segment_type", "segment_code"]
# Not published: the countback where receivables are a little less and more than they are. It may
# jump by months there, so that converted amounts, which are rounded, may fall on either side.
COUNTBACK_BOUNDS = "countback_bounds"
COUNTBACK_MARGIN = Decimal("0.0001")


class Period(NamedTuple):
    """A calendar day, month, quarter or year."""

    grain: str
    start: date
    end: date


def first_of_month(day: date, months_back: int = 0) -> date:
    """First day of the month that lies some months before the month of a day."""
    months = day.year * 12 + day.month - 1 - months_back
    return date(months // 12, months % 12 + 1, 1)


def period_of(grain: str, day: date) -> Period:
    """The period of a grain that holds a day."""
    if grain == "day":
        return Period(grain, day, day)
    months = {"month": 1, "quarter": 3, "year": 12}[grain]
    start = first_of_month(day, (day.month - 1) % months)
    return Period(grain, start, first_of_month(start, -months) - ONE_DAY)


def periods(grain: str, first: date, last: date) -> list[Period]:
    """The periods of a grain from the one that holds a day to the one that holds another."""
    found = []
    day = first
    while day <= last:
        period = period_of(grain, day)
        found.append(period)
        day = period.end + ONE_DAY
    return found


def ratio(numerator: Decimal, denominator: Decimal, factor: Decimal | int = 1) -> Decimal | None:
    """Numerator over denominator, times a factor; None unless the denominator is positive."""
    return numerator / denominator * factor if denominator > 0 else None


def difference(left: Decimal | None, right: Decimal | None) -> Decimal | None:
    """Left less right; None where either is."""
    return None if left is None or right is None else left - right


def countback(receivables: Decimal, months: Iterable[tuple[Decimal, int]]) -> Decimal | None:
    """DSO by exhaustion.

    Args:
        receivables: What is open.
        months: Revenue and days of each month, newest first.
    """
    if receivables <= 0:
        return ZERO if receivables == 0 else None
    remainder, days = receivables, ZERO
    for revenue, days_in_month in months:
        if revenue >= remainder:
            return days + remainder / revenue * days_in_month
        remainder -= revenue
        days += days_in_month
    return None


class Table(NamedTuple):
    """How the rows of a published table are made.

    Args:
        key: Columns of its key.
        make: Row or rows of a slice and period, without the columns of the slice.
        grains: Grains that it has; a table with days has none for the segment type `customer`.
        is_of_items: Whether slices with the same items have the same rows.
        slices: For a table with slices of its own: what `make` is given, by segment type and code,
            for an entity or the group; each with a `first_day`.
    """

    key: list[str]
    make: Callable[[Any, Period], OutputRow | list[OutputRow]]
    grains: tuple[str, ...] = ("month", "quarter", "year")
    is_of_items: bool = True
    slices: Callable[[Ledger, str], Mapping[tuple[str, str], Any]] | None = None


class Position:
    """What a set of items is worth at the end of a day, reporting currency."""

    def __init__(self, ledger: Ledger, items: Iterable[Item], day: date) -> None:
        self.receivables = self.open_invoices = self.unallocated = ZERO
        self.not_due = self.overdue = self.undated = ZERO
        self.over = {30: ZERO, 60: ZERO, 90: ZERO}
        self.theoretical = self.factored = ZERO
        self.open_amounts: dict[str, Decimal] = {}
        self.item_counts: dict[str, int] = {}
        self.disputed_amounts: dict[str, Decimal] = {}
        for item in items:
            if item.booking_date <= day:
                self._add(ledger, item, day)

    def _add(self, ledger: Ledger, item: Item, day: date) -> None:
        if item.side == "debit" and item.due_date is not None and day <= item.due_date:
            self.theoretical += ledger.converted(item.issue_amount, item.currency_code, day)
        state = ledger.state(item, day)
        if state.balance == 0:
            return
        amount = ledger.converted(state.balance, item.currency_code, day)
        bucket = state.bucket
        self.open_amounts[bucket] = self.open_amounts.get(bucket, ZERO) + amount
        self.item_counts[bucket] = self.item_counts.get(bucket, 0) + 1
        self.disputed_amounts[bucket] = self.disputed_amounts.get(bucket, ZERO) + ledger.converted(
            state.disputed, item.currency_code, day
        )
        self.receivables += amount
        if item.is_factored:
            self.factored += amount
        if item.side == "credit":
            self.unallocated += amount
            return
        self.open_invoices += amount
        if state.days_overdue is None:
            self.undated += amount
        elif state.days_overdue <= 0:
            self.not_due += amount
        else:
            self.overdue += amount
            for days in self.over:
                if state.days_overdue > days:
                    self.over[days] += amount


def flows_of(ledger: Ledger, movement: Movement) -> Iterator[tuple[str, Decimal]]:
    """What a movement adds to the flows of its day, reporting currency."""
    item = movement.item
    amount = ledger.converted(movement.amount, item.currency_code, movement.day)
    if movement.kind == "write_off":
        yield "write_off", -amount
    elif movement.kind == "discount":
        yield "discount", -amount
    elif movement.kind == "allocation":
        yield "transferred", amount
        if is_receipt_on_debit_item(movement):
            assert movement.origin is not None
            if item.due_date is not None and movement.origin.issue_date > item.due_date:
                yield "collected_late", -amount
    elif item.item_type == "receipt":
        yield "collected", -amount
    elif item.item_type == "opening":
        yield "opening_items", amount
    else:
        yield "revenue", amount
        if item.is_factored:
            yield "factored_revenue", amount
        if item.item_type == "credit_note":
            yield "credit_note", -amount


# Days from and to which an item is in a slice, the last one excluded.
Stays = tuple[tuple[date, date], ...]


def stays_of(item: Item, segment_type: str, segment_code: str, last: date) -> Stays:
    """When an item is in a segment, from its booking to a day."""
    days = [item.booking_date, *(day for day in item.changed_segments_on() if day <= last)]
    found: list[tuple[date, date]] = []
    for first, until in zip(days, [*days[1:], END_OF_TIME], strict=True):
        if item.attributes_on(first)[segment_type] != segment_code:
            continue
        stayed_on = bool(found) and found[-1][1] == first
        found.append((found.pop()[0] if stayed_on else first, until))
    return tuple(found)


class Figures:
    """Everything that is published about the items of one slice.

    Args:
        ledger: The run.
        items: Items that are in the slice on any day.
        entity_code: Entity of the slice, or the group.
        segment_type: Type of its segment; `all` for none.
        segment_code: Its segment within the type.
        stays: When they are; items that are missing are there on every day.
        since: Day from which it is to be told about, where that is before its first item.
        like: Figures of another slice with the same items and days, to share what is kept.
    """

    def __init__(
        self,
        ledger: Ledger,
        items: list[Item],
        entity_code: str = GROUP,
        segment_type: str = "all",
        segment_code: str = GROUP,
        stays: Mapping[Item, Stays] | None = None,
        since: date = END_OF_TIME,
        like: Figures | None = None,
    ) -> None:
        self.ledger = ledger
        self.items = items
        self.stays = stays or {}
        self.entity_code = entity_code
        self.segment_type = segment_type
        self.segment_code = segment_code
        first_days = [
            self.stays[item][0][0] if item in self.stays else item.booking_date for item in items
        ]
        self.first_day = min([since, *first_days])
        self._positions: dict[date, Position] = {}
        self._flows: dict[str, dict[date, Decimal]] = {}
        self._kept: dict[Hashable, Any] = {}
        if like is not None:
            self._positions, self._flows, self._kept = like._positions, like._flows, like._kept
            return
        for item in items:
            for movement in item.movements:
                if self.holds(item, movement.day):
                    for part, amount in flows_of(ledger, movement):
                        self._add_flow(part, movement.day, amount)
            for day, balance in self.transfers(item):
                self._add_flow(
                    "transferred", day, ledger.converted(balance, item.currency_code, day)
                )

    def _add_flow(self, part: str, day: date, amount: Decimal) -> None:
        days = self._flows.setdefault(part, {})
        days[day] = days.get(day, ZERO) + amount

    def holds(self, item: Item, day: date) -> bool:
        """Whether an item is in the slice on a day."""
        if item not in self.stays:
            return True
        return any(first <= day < until for first, until in self.stays[item])

    def items_on(self, day: date) -> list[Item]:
        """Items that are in the slice on a day."""
        return [item for item in self.items if self.holds(item, day)]

    def transfers(self, item: Item) -> list[tuple[date, Decimal]]:
        """Days on which an open item comes in or goes, and what it brings or takes along."""
        found = []
        for day in {day for stay in self.stays.get(item, ()) for day in stay}:
            was_in = day > item.booking_date and self.holds(item, day - ONE_DAY)
            if day in (item.booking_date, END_OF_TIME) or was_in == self.holds(item, day):
                continue
            balance = self.ledger.state(item, day - ONE_DAY).balance
            if balance != 0:
                found.append((day, -balance if was_in else balance))
        return found

    def has_moved(self, item: Item, first: date, last: date) -> bool:
        """Whether an item has a movement in the slice, or came in or went, between two days."""
        return any(
            first <= movement.day <= last and self.holds(item, movement.day)
            for movement in item.movements
        ) or any(first <= day <= last for day, _ in self.transfers(item))

    def once(self, key: Hashable, make: Callable[[], Kept]) -> Kept:
        """Make something that depends on the items alone, once for all slices that hold them."""
        if key not in self._kept:
            self._kept[key] = make()
        kept: Kept = self._kept[key]
        return kept

    def as_of(self, period: Period) -> date:
        """Day on which the balances of a period are taken."""
        return min(period.end, self.ledger.as_of)

    def position(self, day: date) -> Position:
        """Balances at the end of a day."""
        if day not in self._positions:
            self._positions[day] = Position(self.ledger, self.items_on(day), day)
        return self._positions[day]

    def flow(self, part: str, first: date, last: date) -> Decimal:
        """A flow from one day to another, both included."""
        days = self._flows.get(part, {})
        if first == last:
            return days.get(first, ZERO)
        return sum((amount for day, amount in days.items() if first <= day <= last), ZERO)

    def dso(self, period: Period) -> OutputRow:
        """Row of kpi_dso."""
        as_of = self.as_of(period)
        days = (as_of - period.start).days + 1
        closing = self.position(as_of)
        opening = self.position(period.start - ONE_DAY)

        def flow(part: str) -> Decimal:
            return self.flow(part, period.start, as_of)

        revenue = flow("revenue")
        row: OutputRow = {
            "receivables_amount": closing.receivables,
            "open_invoices_amount": closing.open_invoices,
            "unallocated_amount": closing.unallocated,
            "not_due_amount": closing.not_due,
            "overdue_amount": closing.overdue,
            "undated_amount": closing.undated,
            "opening_receivables_amount": opening.receivables,
            "theoretical_receivables_amount": closing.theoretical,
            "factored_receivables_amount": closing.factored,
            "revenue_amount": revenue,
            "factored_revenue_amount": flow("factored_revenue"),
            "opening_items_amount": flow("opening_items"),
            "collected_amount": flow("collected"),
            "collected_late_amount": flow("collected_late"),
            "credit_note_amount": flow("credit_note"),
            "write_off_amount": flow("write_off"),
            "discount_amount": flow("discount"),
            "transferred_amount": flow("transferred"),
            "revaluation_amount": closing.receivables
            - opening.receivables
            - flow("opening_items")
            - revenue
            + flow("collected")
            + flow("write_off")
            + flow("discount")
            - flow("transferred"),
            "dso_days": None,
            "bpdso_days": None,
            "add_days": None,
            "dso_average_days": None,
            "dso_countback_days": None,
            COUNTBACK_BOUNDS: None,
            "dso_excluding_factored_days": None,
            "theoretical_ratio": ratio(closing.receivables, closing.theoretical),
        }
        for months in (3, 12):
            row |= self._rolling(months, as_of)
        if period.grain != "day":
            dso = ratio(closing.receivables, revenue, days)
            bpdso = ratio(closing.not_due, revenue, days)
            row |= {
                "dso_days": dso,
                "bpdso_days": bpdso,
                "add_days": difference(dso, bpdso),
                "dso_average_days": ratio(
                    (opening.receivables + closing.receivables) / 2, revenue, days
                ),
                "dso_countback_days": countback(closing.receivables, self._months(as_of)),
                COUNTBACK_BOUNDS: [
                    countback(closing.receivables + margin, self._months(as_of))
                    for margin in (-COUNTBACK_MARGIN, COUNTBACK_MARGIN)
                ],
                "dso_excluding_factored_days": ratio(
                    closing.receivables - closing.factored,
                    revenue - flow("factored_revenue"),
                    days,
                ),
            }
        return row

    def _rolling(self, months: int, as_of: date) -> OutputRow:
        start = first_of_month(as_of, months - 1)
        revenue: Decimal | None = None
        span: int | None = None
        dso: Decimal | None = None
        if start >= first_of_month(self.ledger.first_day):
            revenue = self.flow("revenue", start, as_of)
            span = (as_of - start).days + 1
            dso = ratio(self.position(as_of).receivables, revenue, span)
        return {
            f"rolling_{months}m_revenue_amount": revenue,
            f"rolling_{months}m_span_days": span,
            f"dso_rolling_{months}m_days": dso,
        }

    def _months(self, as_of: date) -> Iterator[tuple[Decimal, int]]:
        last = as_of
        while last >= first_of_month(self.ledger.first_day):
            first = first_of_month(last)
            yield self.flow("revenue", first, last), (last - first).days + 1
            last = first - ONE_DAY

    def ageing(self, period: Period) -> OutputRow:
        """Row of kpi_ageing."""
        as_of = self.as_of(period)
        closing = self.position(as_of)
        opening = self.position(period.start - ONE_DAY)
        revenue = self.flow("revenue", period.start, as_of)
        row: OutputRow = {"revenue_amount": revenue}
        for prefix, position in (("", closing), ("opening_", opening)):
            row |= {
                f"{prefix}receivables_amount": position.receivables,
                f"{prefix}open_invoices_amount": position.open_invoices,
                f"{prefix}unallocated_amount": position.unallocated,
                f"{prefix}not_due_amount": position.not_due,
                f"{prefix}overdue_amount": position.overdue,
                f"{prefix}undated_amount": position.undated,
                f"{prefix}over_30_amount": position.over[30],
                f"{prefix}over_60_amount": position.over[60],
                f"{prefix}over_90_amount": position.over[90],
            }
        row["overdue_rate"] = ratio(closing.overdue, closing.open_invoices)
        for days in (30, 60, 90):
            rate = ratio(closing.over[days], closing.open_invoices)
            row[f"over_{days}_rate"] = rate
            row[f"over_{days}_rate_change"] = difference(
                rate, ratio(opening.over[days], opening.open_invoices)
            )
        row["overdue_to_revenue"] = ratio(closing.overdue, revenue)
        return row

    def ageing_buckets(self, period: Period) -> list[OutputRow]:
        """Rows of kpi_ageing_buckets."""
        as_of = self.as_of(period)
        closing = self.position(as_of)
        opening = self.position(period.start - ONE_DAY)
        rows = []
        for order, bucket in enumerate(BUCKETS, start=1):
            if not self._was_open_at_a_month_end(bucket, as_of):
                continue
            open_amount = closing.open_amounts.get(bucket, ZERO)
            opening_amount = opening.open_amounts.get(bucket, ZERO)
            row = {
                "ageing_bucket": bucket,
                "bucket_order": order,
                "open_amount": open_amount,
                "opening_amount": opening_amount,
                "item_count": closing.item_counts.get(bucket, 0),
                "open_invoices_amount": closing.open_invoices,
                "share": ratio(open_amount, closing.open_invoices),
                "collected_from_bucket_amount": None,
                "bucket_recovery_rate": None,
                "rolled_amount": None,
                "roll_rate": None,
            }
            if bucket not in ("undated", "unallocated"):
                collected, rolled = self._left_bucket(bucket, period, as_of)
                row |= {
                    "collected_from_bucket_amount": collected,
                    "bucket_recovery_rate": ratio(collected, opening_amount),
                    "rolled_amount": rolled,
                    "roll_rate": ratio(rolled, opening_amount),
                }
            rows.append(row)
        return rows

    def _was_open_at_a_month_end(self, bucket: str, last: date) -> bool:
        month_ends = [
            min(month.end, self.ledger.as_of)
            for month in periods("month", self.first_day, self.ledger.as_of)
        ]
        return any(bucket in self.position(day).item_counts for day in month_ends if day <= last)

    def _left_bucket(self, bucket: str, period: Period, as_of: date) -> tuple[Decimal, Decimal]:
        """Receipts on, and balance grown older of, what a bucket held when a period opened."""
        opening_day = period.start - ONE_DAY
        collected = rolled = ZERO
        for item in self.items_on(opening_day):
            if item.side != "debit" or item.booking_date > opening_day:
                continue
            opening_state = self.ledger.state(item, opening_day)
            if opening_state.balance == 0 or opening_state.bucket != bucket:
                continue
            collected -= sum(
                (
                    self.ledger.converted(movement.amount, item.currency_code, movement.day)
                    for movement in item.movements
                    if is_receipt_on_debit_item(movement) and period.start <= movement.day <= as_of
                ),
                ZERO,
            )
            if BUCKETS.index(bucket_of(item, as_of)) > BUCKETS.index(bucket):
                balance = self.ledger.state(item, as_of).balance
                rolled += self.ledger.converted(balance, item.currency_code, as_of)
        return collected, rolled


TABLES = {
    "kpi_dso": Table(SLICE_KEY, Figures.dso, ("month", "quarter", "year", "day")),
    "kpi_ageing": Table(SLICE_KEY, Figures.ageing, ("month", "quarter", "year", "day")),
    "kpi_ageing_buckets": Table([*SLICE_KEY, "ageing_bucket"], Figures.ageing_buckets),
}
