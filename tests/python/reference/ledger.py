"""Receivables ledger in plain Python: items, movements, and the state of an item on a day.

Nothing is incremental: a balance is the sum of the movements up to the day, every time.
Amounts are exact decimals in document currency; only `converted` leaves that currency.
"""

from __future__ import annotations

import decimal
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from reference.terms import due_date_of, terms_of

Row = Mapping[str, Any]
Feeds = Mapping[str, list[Row]]

ZERO = Decimal(0)
ONE_DAY = timedelta(days=1)
END_OF_TIME = date(9999, 12, 31)
NONE = "(none)"
UNKNOWN = "(unknown)"

# Products of an amount and a rate keep every digit.
decimal.getcontext().prec = 60

SEGMENT_COLUMNS = {
    "customer_segment": "customer_segment",
    "business_unit": "business_unit",
    "region": "region",
    "customer_type": "customer_type",
    "industry": "industry_code",
    "salesperson": "salesperson_code",
    "collector": "collector_code",
}

# Last day overdue of each bucket that debit items with a due date pass through, in order.
AGED_BUCKETS: list[tuple[str, int | None]] = [
    ("not_due", 0),
    ("1_30", 30),
    ("31_60", 60),
    ("61_90", 90),
    ("91_120", 120),
    ("over_120", None),
]
BUCKETS = [name for name, _ in AGED_BUCKETS] + ["undated", "unallocated"]


@dataclass(eq=False)
class Item:
    """A document that a customer owes, or that is owed to a customer."""

    item_type: str
    side: str
    entity_code: str
    customer_code: str
    document_number: str
    issue_date: date
    booking_date: date
    due_date: date | None
    currency_code: str
    issue_amount: Decimal
    is_factored: bool
    # The customer's record as it holds for the entity, from each day on; empty where there is none.
    customers: list[tuple[date, Row]]
    # Segments that the document names itself, which no change of its customer touches.
    own_segments: dict[str, str]
    net_amount: Decimal | None = None
    is_insurable: bool | None = None
    # The document's own terms, else its customer's.
    payment_terms: str | None = None
    reversed_on: date | None = None
    movements: list[Movement] = field(default_factory=list)
    # Rows of the feeds that name the document, whatever their days.
    disputes: list[Row] = field(default_factory=list)
    reminders: list[Row] = field(default_factory=list)
    promises: list[Row] = field(default_factory=list)
    states: dict[date, State] = field(default_factory=dict)
    # What was worked out about it, by name and day.
    kept: dict[Hashable, Any] = field(default_factory=dict)

    def customer_on(self, day: date) -> Row:
        """The customer's record on a day; the first one known holds before its day, too."""
        found = self.customers[0][1]
        for first_day, row in self.customers:
            if first_day <= day:
                found = row
        return found

    def attributes_on(self, day: date) -> dict[str, str]:
        """Segment code of each segment type on a day."""
        customer = self.customer_on(day)
        segments = {
            segment_type: customer.get(column) or NONE
            for segment_type, column in SEGMENT_COLUMNS.items()
        }
        return segments | self.own_segments

    def changed_segments_on(self) -> list[date]:
        """Days after its booking on which it comes into another segment of any type."""
        days = [first_day for first_day, _ in self.customers if first_day > self.booking_date]
        return [day for day in days if self.attributes_on(day) != self.attributes_on(day - ONE_DAY)]


@dataclass(eq=False)
class Movement:
    """A change of the balance of one item, signed from the seller's side, document currency."""

    item: Item
    day: date
    amount: Decimal
    kind: str  # issue | allocation | discount | write_off
    is_target: bool = False
    # Receipt or credit note that an allocation uses, or receipt that a discount came with.
    origin: Item | None = None
    # Where its receipt bounced: that day, or its own if later.
    undone_on: date | None = None
    is_undoing: bool = False


class Payment(NamedTuple):
    """A receipt allocated to a debit item, document currency."""

    day: date  # of the movement
    receipt_date: date
    amount: Decimal  # positive where it lowers the balance
    undone_on: date | None


class State(NamedTuple):
    """An item at the end of a day."""

    balance: Decimal
    is_disputed: bool
    disputed: Decimal
    days_overdue: int | None
    bucket: str


def bucket_of(item: Item, day: date) -> str:
    """Ageing bucket of an item on a day; what it is worth does not matter."""
    if item.side == "credit":
        return "unallocated"
    if item.due_date is None:
        return "undated"
    days_overdue = (day - item.due_date).days
    for name, last_day in AGED_BUCKETS:
        if last_day is None or days_overdue <= last_day:
            return name
    raise AssertionError


def balance_of(item: Item, day: date) -> Decimal:
    """Balance of an item at the end of a day, document currency."""
    return sum((movement.amount for movement in item.movements if movement.day <= day), ZERO)


def dispute_of(item: Item, day: date, balance: Decimal) -> tuple[bool, Decimal]:
    """Whether an item is disputed on a day, and for how much, document currency."""
    if day < item.booking_date or item.side == "credit":
        return False, ZERO
    active = [
        dispute
        for dispute in item.disputes
        if dispute["opened_on"] <= day
        and (dispute.get("closed_on") is None or day < dispute["closed_on"])
    ]
    if not active or balance <= 0:
        return bool(active), ZERO
    amounts = [dispute.get("amount") for dispute in active]
    if any(amount is None for amount in amounts):
        return True, balance
    return True, min(balance, sum((amount for amount in amounts if amount is not None), ZERO))


def payments_of(item: Item, day: date) -> list[Payment]:
    """Receipts allocated to a debit item that stand at the end of a day."""
    return [
        Payment(
            movement.day,
            movement.origin.issue_date,
            -movement.amount,
            movement.undone_on,
        )
        for movement in item.movements
        if is_receipt_on_debit_item(movement)
        and movement.origin is not None
        and not movement.is_undoing
        and movement.day <= day
        and (movement.undone_on is None or movement.undone_on > day)
    ]


def settled_on(item: Item, day: date) -> date | None:
    """Day on which the balance of an item became zero for good, as known at the end of a day."""
    settled: date | None = None
    before = ZERO
    for changed_on in sorted({movement.day for movement in item.movements}):
        if changed_on > day:
            break
        balance = balance_of(item, changed_on)
        if balance != 0:
            settled = None
        elif before != 0:
            settled = changed_on
        before = balance
    return settled


class Ledger:
    """All items and movements of a warehouse up to its as-of day.

    Args:
        feeds: Rows of the canonical feeds, values typed.
        as_of: Last day known; None for the last day on which anything moved.
        run_day: Day of the run, which a default as-of never passes.
        reporting_currency: Currency of the figures.
    """

    def __init__(
        self,
        feeds: Feeds,
        as_of: date | None = None,
        run_day: date = END_OF_TIME,
        reporting_currency: str = "EUR",
    ) -> None:
        self.feeds = feeds
        self.reporting_currency = reporting_currency
        self._customers: dict[tuple[str, str | None], list[tuple[date, Row]]] = {}
        for row in feeds.get("customers", []):
            key = (row["customer_code"], row.get("entity_code"))
            self._customers.setdefault(key, []).append((row.get("valid_from") or date.min, row))
        self._rates: dict[str, list[tuple[date, Decimal]]] = {}
        for row in feeds.get("fx_rates", []):
            self._rates.setdefault(row["currency_code"], []).append(
                (row["rate_date"], row["units_per_base"])
            )
        self._bases = {row["base_currency_code"] for row in feeds.get("fx_rates", [])}
        self._factors: dict[tuple[str, date], Decimal] = {}

        self._documents = {
            (row["entity_code"], row["invoice_number"]): self._document(row)
            for row in feeds.get("invoices", [])
        }
        self._receipts = {
            (row["entity_code"], row["receipt_id"]): self._receipt(row)
            for row in feeds.get("receipts", [])
        }
        items = [*self._documents.values(), *self._receipts.values()]

        movements = [
            Movement(item, item.booking_date, item.issue_amount, "issue") for item in items
        ]
        for row in [*feeds.get("allocations", []), *implied_allocations(feeds)]:
            movements += self._allocation(row)
        movements += self._write_offs(feeds.get("write_offs", []))
        movements += reversals(movements)

        last_day = max((movement.day for movement in movements), default=run_day)
        self.as_of = as_of if as_of is not None else min(last_day, run_day)
        for movement in movements:
            if movement.day <= self.as_of:
                movement.item.movements.append(movement)
        self.items = [item for item in items if item.movements]
        self.first_day = min(
            (movement.day for item in self.items for movement in item.movements), default=self.as_of
        )
        for feed in ("disputes", "reminders", "promises"):
            for row in feeds.get(feed, []):
                document = self._documents.get((row["entity_code"], row["invoice_number"]))
                if document is not None:
                    # A reminder dated before its document counts from the day of the document.
                    dated = {
                        name: max(row[name], document.booking_date)
                        for name in ("planned_on", "done_on")
                        if row.get(name) is not None
                    }
                    getattr(document, feed).append({**row, **dated})

    def state(self, item: Item, day: date) -> State:
        """State of an item at the end of a day, document currency."""
        if day not in item.states:
            balance = balance_of(item, day)
            is_disputed, disputed = dispute_of(item, day, balance)
            days_overdue = None
            if item.side == "debit" and item.due_date is not None:
                days_overdue = (day - item.due_date).days
            item.states[day] = State(
                balance, is_disputed, disputed, days_overdue, bucket_of(item, day)
            )
        return item.states[day]

    def converted(self, amount: Decimal, currency_code: str, day: date) -> Decimal:
        """An amount in reporting currency, at the last rates published on or before a day."""
        if currency_code == self.reporting_currency:
            return amount
        return amount * self.factor(currency_code, day)

    def factor(self, currency_code: str, day: date) -> Decimal:
        """Units of the reporting currency for one unit of a currency, to 15 decimals."""
        if currency_code == self.reporting_currency:
            return Decimal(1)
        if (currency_code, day) not in self._factors:
            reporting = self._units(self.reporting_currency, day)
            document = self._units(currency_code, day)
            self._factors[currency_code, day] = Decimal(
                float(reporting) / float(document)
            ).quantize(Decimal("1e-15"))
        return self._factors[currency_code, day]

    def _units(self, currency_code: str, day: date) -> Decimal:
        if currency_code in self._bases:
            return Decimal(1)
        published = [rate for rate in self._rates.get(currency_code, []) if rate[0] <= day]
        if not published:
            raise LookupError(f"no rate of {currency_code} on or before {day}")
        return max(published)[1]

    def customer_row(self, customer_code: str, entity_code: str | None, day: date) -> Row | None:
        """The row of an entity, or the common one, that is valid on a day."""
        rows = self._customers.get((customer_code, entity_code), [])
        valid = [(first_day, row) for first_day, row in rows if first_day <= day]
        return max(valid, key=lambda found: found[0])[1] if valid else None

    def customer(self, customer_code: str, entity_code: str, day: date) -> Row:
        """Record of a customer for an entity on a day.

        Its own one, else the common one; before both the one that comes first; else empty.
        """
        for code in (entity_code, None):
            row = self.customer_row(customer_code, code, day)
            if row is not None:
                return row
        known = [
            found
            for code in (entity_code, None)
            for found in self._customers.get((customer_code, code), [])
        ]
        return min(known, key=lambda found: found[0])[1] if known else {}

    def customers(self, customer_code: str, entity_code: str) -> list[tuple[date, Row]]:
        """Records of a customer for an entity, each with the day from which it holds."""
        days = {date.min} | {
            first_day
            for code in (entity_code, None)
            for first_day, _ in self._customers.get((customer_code, code), [])
        }
        return [(day, self.customer(customer_code, entity_code, day)) for day in sorted(days)]

    def _document(self, row: Row) -> Item:
        gross = row["gross_amount"]
        item_type = row.get("document_type") or "invoice"
        if item_type in ("invoice", "debit_note") and gross < 0:
            item_type = "credit_note"
        is_credit = item_type == "credit_note" or (item_type == "opening" and gross < 0)
        booking_date = row["issue_date"]
        if item_type == "opening" and row.get("opening_date") is not None:
            booking_date = row["opening_date"]
        customer_code, entity_code = row["customer_code"], row["entity_code"]
        customer = self.customer(customer_code, entity_code, row["issue_date"])
        payment_terms = row.get("payment_terms") or customer.get("payment_terms")
        due_date = row.get("due_date")
        terms = terms_of(payment_terms)
        if due_date is None and terms is not None and not is_credit:
            due_date = due_date_of(terms, row["issue_date"])
        return Item(
            item_type=item_type,
            side="credit" if is_credit else "debit",
            entity_code=row["entity_code"],
            customer_code=row["customer_code"],
            document_number=row["invoice_number"],
            issue_date=row["issue_date"],
            booking_date=booking_date,
            due_date=due_date,
            currency_code=row["currency_code"],
            issue_amount=-abs(gross) if is_credit else gross,
            is_factored=bool(row.get("is_factored")),
            customers=self.customers(customer_code, entity_code),
            own_segments={
                segment_type: row[SEGMENT_COLUMNS[segment_type]]
                for segment_type in ("business_unit", "salesperson")
                if row.get(SEGMENT_COLUMNS[segment_type])
            },
            net_amount=row.get("net_amount"),
            is_insurable=row.get("is_insurable"),
            payment_terms=payment_terms,
        )

    def _receipt(self, row: Row) -> Item:
        customer_code = row.get("customer_code")
        if customer_code is None:
            paid = self._documents.get((row["entity_code"], row["invoice_number"]))
            customer_code = paid.customer_code if paid is not None else UNKNOWN
        return Item(
            item_type="receipt",
            side="credit",
            entity_code=row["entity_code"],
            customer_code=customer_code,
            document_number=row["receipt_id"],
            issue_date=row["receipt_date"],
            booking_date=row["receipt_date"],
            due_date=None,
            currency_code=row["currency_code"],
            issue_amount=-row["amount"],
            is_factored=False,
            customers=self.customers(customer_code, row["entity_code"]),
            own_segments={},
            reversed_on=row.get("reversed_on"),
        )

    def _allocation(self, row: Row) -> list[Movement]:
        entity_code = row["entity_code"]
        target = self._documents.get((entity_code, row["invoice_number"]))
        kind = kind_of(row)
        origin: Item | None = None
        if kind == "receipt" or (kind == "discount" and row.get("receipt_id")):
            origin = self._receipts.get((entity_code, row["receipt_id"]))
        elif kind == "credit_note":
            origin = self._documents.get((entity_code, row["credit_note_number"]))
            if origin is not None and origin.side != "credit":
                origin = None
        is_granted_alone = kind == "discount" and not row.get("receipt_id")
        if target is None or (origin is None and not is_granted_alone) or origin is target:
            return []
        if origin is not None and origin.currency_code != target.currency_code:
            return []

        days = [row.get("allocation_date"), target.booking_date]
        if origin is not None:
            days.append(origin.booking_date)
        day = max(day for day in days if day is not None)
        if kind == "discount":
            return [Movement(target, day, -row["amount"], "discount", origin=origin)]
        assert origin is not None
        return [
            Movement(target, day, -row["amount"], "allocation", is_target=True, origin=origin),
            Movement(origin, day, row["amount"], "allocation", origin=origin),
        ]

    def _write_offs(self, rows: Iterable[Row]) -> list[Movement]:
        movements = []
        for row in rows:
            target = self._documents.get((row["entity_code"], row["invoice_number"]))
            if target is not None:
                day = max(row["write_off_date"], target.booking_date)
                movements.append(Movement(target, day, -row["amount"], "write_off"))
        return movements


def kind_of(allocation: Row) -> str:
    """What an allocation row allocates: receipt, credit_note or discount."""
    return allocation.get("kind") or ("receipt" if allocation.get("receipt_id") else "credit_note")


def implied_allocations(feeds: Feeds) -> list[Row]:
    """Allocations that receipts and credit notes imply by naming an invoice."""
    named = set()
    for row in feeds.get("allocations", []):
        kind = kind_of(row)
        if kind == "receipt":
            named.add((row["entity_code"], kind, row["receipt_id"]))
        elif kind == "credit_note":
            named.add((row["entity_code"], kind, row["credit_note_number"]))

    implied: list[Row] = []
    for row in feeds.get("receipts", []):
        key = (row["entity_code"], "receipt", row["receipt_id"])
        if row.get("invoice_number") and key not in named:
            implied.append(
                {
                    "entity_code": row["entity_code"],
                    "kind": "receipt",
                    "receipt_id": row["receipt_id"],
                    "invoice_number": row["invoice_number"],
                    "amount": row["amount"],
                }
            )
    for row in feeds.get("invoices", []):
        document_type = row.get("document_type") or "invoice"
        is_credit_note = document_type == "credit_note" or (
            document_type != "opening" and row["gross_amount"] < 0
        )
        key = (row["entity_code"], "credit_note", row["invoice_number"])
        if is_credit_note and row.get("applies_to_invoice_number") and key not in named:
            implied.append(
                {
                    "entity_code": row["entity_code"],
                    "kind": "credit_note",
                    "credit_note_number": row["invoice_number"],
                    "invoice_number": row["applies_to_invoice_number"],
                    "amount": abs(row["gross_amount"]),
                }
            )
    return implied


def is_receipt_on_debit_item(movement: Movement) -> bool:
    """Whether a movement is the invoice's side of an allocation of a receipt."""
    return (
        movement.kind == "allocation"
        and movement.is_target
        and movement.origin is not None
        and movement.origin.item_type == "receipt"
        and movement.item.side == "debit"
    )


def reversals(movements: Iterable[Movement]) -> list[Movement]:
    """The opposite of every movement that a reversed receipt made, on either side."""
    undone = []
    for movement in movements:
        receipt = movement.item if movement.kind == "issue" else movement.origin
        if receipt is not None and receipt.reversed_on is not None:
            movement.undone_on = max(receipt.reversed_on, movement.day)
            undone.append(
                Movement(
                    movement.item,
                    movement.undone_on,
                    -movement.amount,
                    movement.kind,
                    movement.is_target,
                    movement.origin,
                    is_undoing=True,
                )
            )
    return undone
