"""Figures that begin with whole customers or entities: exposure, losses, cash cycle.

Exposure has slices of its own, made of customers and not of items: a customer counts whole, in the
segments of its own record. Provisions follow their customers in the same way, but are shown in the
slices of items, as losses are; one may be in a slice before the first item is, or where none ever
is. The cash cycle is known for entities only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from reference.families_dunning import customers_with_balance, open_amount
from reference.figures import (
    GROUP,
    SLICE_KEY,
    Figures,
    OutputRow,
    Period,
    Table,
    difference,
    first_of_month,
    periods,
    ratio,
)
from reference.ledger import AGED_BUCKETS, NONE, SEGMENT_COLUMNS, ZERO, Item, Ledger, Row
from reference.seeds import seed, valid_on

Slice = tuple[str, str]  # segment type and code
Limits = tuple[Mapping[str, list[Row]], ...]  # credit limits, insured limits; by customer

LARGEST = 10
DEFAULT_DAYS = 90
OBSERVED_MONTHS = 12


# Exposure


class Cover(NamedTuple):
    """A credit limit, or an insured limit with the part of a loss that is paid."""

    amount: Decimal  # reporting currency
    quota: Decimal


@dataclass
class Exposure:
    """One customer of an entity, or of the group, on a day; reporting currency."""

    has_balance: bool
    receivables: Decimal
    revenue: Decimal
    limit: Cover | None
    insurance: Cover | None
    is_insurable: bool
    risk_class: str

    @property
    def positive(self) -> Decimal:
        """What the customer owes, 0 where it is owed."""
        return max(self.receivables, ZERO)

    @property
    def insured(self) -> Decimal:
        """What the insurer would pay of it."""
        return ZERO if self.insurance is None else insured_amount(self.receivables, self.insurance)

    @property
    def over_limit(self) -> Decimal:
        """What exceeds the limit, 0 where nothing does."""
        return ZERO if self.limit is None else max(self.receivables - self.limit.amount, ZERO)


def insured_amount(receivables: Decimal, insurance: Cover) -> Decimal:
    """Part of the receivables of a customer that its insurer would pay."""
    return max(ZERO, min(receivables, insurance.amount)) * insurance.quota


def valid_cover(
    ledger: Ledger, rows: Iterable[Row], amount_column: str, entity_code: str, day: date
) -> Cover | None:
    """Limit or cover of a customer in an entity or in the group on a day.

    An entity has its own, else the common one; the group the common one, else the sum of all the
    entities', where each pays its own quota of its part.

    Args:
        ledger: Where the rates are.
        rows: Limits of one customer.
        amount_column: What holds the limit.
        entity_code: Entity, or the group.
        day: Day on which it is to be valid.
    """
    newest: dict[str | None, Row] = {}
    for row in sorted(rows, key=lambda row: row["valid_from"]):
        if row["valid_from"] <= day and (row.get("valid_to") is None or day <= row["valid_to"]):
            newest[row.get("entity_code")] = row
    common = newest.pop(None, None)
    if entity_code == GROUP:
        valid = list(newest.values()) if common is None else [common]
    else:
        own = newest.get(entity_code, common)
        valid = [] if own is None else [own]
    if not valid:
        return None

    total = paid = ZERO
    quotas = []
    for row in valid:
        amount = ledger.converted(row[amount_column], row["currency_code"], day)
        quota = row.get("quota_rate")
        quotas.append(Decimal(1) if quota is None else quota)
        total += amount
        paid += amount * quotas[-1]
    # One quota for all is taken as it is: a division would round it.
    if len(set(quotas)) == 1:
        return Cover(total, quotas[0])
    return Cover(total, paid / total if total > 0 else ZERO)


class Customer:
    """A customer of an entity or of the group, counted whole."""

    def __init__(self, ledger: Ledger, entity_code: str, items: list[Item], limits: Limits) -> None:
        self.ledger = ledger
        self.entity_code = entity_code
        self.code = items[0].customer_code
        self.items = items
        self.limits = limits
        self.first_day = min(item.booking_date for item in items)
        self._exposures: dict[Period, Exposure] = {}

    def record_on(self, day: date) -> Row:
        """Its record on a day; for the group the common one, else that of its first entity."""
        if self.entity_code != GROUP:
            return self.ledger.customer(self.code, self.entity_code, day)
        common = self.ledger.customer_row(self.code, None, day)
        if common is not None:
            return common
        return self.ledger.customer(self.code, min(item.entity_code for item in self.items), day)

    def record_days(self) -> list[date]:
        """Its first day, and the later ones up to the end of the run that change its record."""
        days = {
            row.get("valid_from") or self.first_day
            for row in self.ledger.feeds.get("customers", [])
            if row["customer_code"] == self.code
        }
        later = {day for day in days if self.first_day < day <= self.ledger.as_of}
        return sorted({self.first_day, *later})

    def exposure(self, period: Period) -> Exposure:
        """What it owes at the end of a period, against what it may owe."""
        if period not in self._exposures:
            self._exposures[period] = self._exposure(period)
        return self._exposures[period]

    def _exposure(self, period: Period) -> Exposure:
        day = min(period.end, self.ledger.as_of)
        receivables = revenue = ZERO
        has_balance = False
        for item in self.items:
            if self.ledger.state(item, day).balance != 0:
                has_balance = True
                receivables += open_amount(self.ledger, item, day)
            is_revenue = item.item_type in ("invoice", "debit_note", "credit_note")
            if is_revenue and period.start <= item.issue_date <= day:
                revenue += self.ledger.converted(
                    item.issue_amount, item.currency_code, item.issue_date
                )
        record = self.record_on(day)
        limits, insurances = self.limits
        return Exposure(
            has_balance=has_balance,
            receivables=receivables,
            revenue=revenue,
            limit=valid_cover(
                self.ledger, limits.get(self.code, []), "limit_amount", self.entity_code, day
            ),
            insurance=valid_cover(
                self.ledger,
                insurances.get(self.code, []),
                "insured_limit_amount",
                self.entity_code,
                day,
            ),
            is_insurable=record.get("is_insurable") is not False,
            risk_class=record.get("risk_class") or NONE,
        )


class CustomerSlice:
    """Customers of one slice, each on the days on which its record says so.

    Args:
        key: Segment type and code.
        customers: Customers that are in the segment on any day.
        first_day: First day on which one of them is.
    """

    def __init__(self, key: Slice, customers: list[Customer], first_day: date) -> None:
        self.key = key
        self.customers = customers
        self.first_day = first_day

    def exposures(self, period: Period) -> list[Exposure]:
        """What the customers known and in the segment at the end of a period owe."""
        found = []
        for customer in self.customers:
            day = min(period.end, customer.ledger.as_of)
            if customer.first_day <= day and self.key in slices_of(
                customer.code, customer.record_on(day)
            ):
                found.append(customer.exposure(period))
        return found


def customer_slices(ledger: Ledger, entity_code: str) -> dict[Slice, CustomerSlice]:
    """Customers of an entity or the group by segment."""
    items: dict[str, list[Item]] = {}
    for item in ledger.items:
        if entity_code in (GROUP, item.entity_code):
            items.setdefault(item.customer_code, []).append(item)
    limits = tuple(
        rows_by_customer(ledger.feeds.get(feed, []), entity_code)
        for feed in ("credit_limits", "credit_insurance")
    )
    slices: dict[Slice, dict[Customer, date]] = {}
    for customer_items in items.values():
        customer = Customer(ledger, entity_code, customer_items, limits)
        for day in customer.record_days():
            for key in slices_of(customer.code, customer.record_on(day)):
                slices.setdefault(key, {}).setdefault(customer, day)
    return {
        key: CustomerSlice(key, list(customers), min(customers.values()))
        for key, customers in slices.items()
    }


def rows_by_customer(rows: Iterable[Row], entity_code: str) -> dict[str, list[Row]]:
    """Rows that an entity or the group may use, by customer."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if entity_code == GROUP or row.get("entity_code") in (None, entity_code):
            found.setdefault(row["customer_code"], []).append(row)
    return found


def slices_of(customer_code: str, record: Row) -> list[Slice]:
    """Slices in which a customer counts, whatever its invoices say."""
    segments = [(name, record.get(column) or NONE) for name, column in SEGMENT_COLUMNS.items()]
    return [("all", GROUP), ("customer", customer_code), *segments]


def kpi_credit_exposure(of_slice: CustomerSlice, period: Period) -> OutputRow:
    """Customers of a slice against their limits and covers."""
    exposures = of_slice.exposures(period)
    with_balance = [customer for customer in exposures if customer.has_balance]
    limited = [customer for customer in exposures if customer.limit is not None]
    insured = [customer for customer in exposures if customer.insurance is not None]
    over_limit = [customer for customer in limited if customer.over_limit > 0]
    positive = sum((customer.positive for customer in exposures), ZERO)
    largest = sorted((customer.positive for customer in exposures), reverse=True)[:LARGEST]
    insured_total = sum((customer.insured for customer in exposures), ZERO)

    limit_total = insured_limit_total = ZERO
    over_cover_count = 0
    for customer in exposures:
        if customer.limit is not None:
            limit_total += customer.limit.amount
        if customer.insurance is not None:
            insured_limit_total += customer.insurance.amount
            over_cover_count += customer.receivables > customer.insurance.amount
    limited_receivables = sum((customer.receivables for customer in limited), ZERO)
    insured_revenue = sum((customer.revenue for customer in insured), ZERO)
    insurable_revenue = sum(
        (customer.revenue for customer in exposures if customer.is_insurable), ZERO
    )
    return {
        "customer_with_balance_count": len(with_balance),
        "receivables_amount": sum((customer.receivables for customer in exposures), ZERO),
        "positive_receivables_amount": positive,
        "limited_receivables_amount": limited_receivables,
        "insured_limit_amount": insured_limit_total,
        "insured_revenue_amount": insured_revenue,
        "insurable_revenue_amount": insurable_revenue,
        "top_10_amount": sum(largest, ZERO),
        "limit_amount": limit_total,
        "utilisation_rate": ratio(limited_receivables, limit_total),
        "over_limit_customer_count": len(over_limit),
        "over_limit_customer_rate": ratio(Decimal(len(over_limit)), Decimal(len(with_balance))),
        "over_limit_amount": sum((customer.over_limit for customer in over_limit), ZERO),
        "no_limit_customer_count": sum(customer.limit is None for customer in with_balance),
        "insured_amount": insured_total,
        "uninsured_amount": positive - insured_total,
        "coverage_rate": ratio(insured_total, positive),
        "over_cover_customer_count": over_cover_count,
        "insured_revenue_rate": ratio(insured_revenue, insurable_revenue),
        "top_10_share": ratio(sum(largest, ZERO), positive),
        "herfindahl_index": (
            sum(((customer.positive / positive) ** 2 for customer in exposures), ZERO)
            if positive > 0
            else None
        ),
        "high_risk_amount": sum(
            (customer.positive for customer in exposures if is_high_risk(customer.risk_class)), ZERO
        ),
    }


def is_high_risk(risk_class: str) -> bool:
    """Whether a risk class is a high one; unknown classes are not."""
    return (risk_class, "true") in {
        (row["risk_class"], row["is_high_risk"].lower()) for row in seed("risk_classes")
    }


def kpi_credit_exposure_classes(of_slice: CustomerSlice, period: Period) -> list[OutputRow]:
    """The same customers by risk class."""
    classes: dict[str, list[Exposure]] = {}
    for customer in of_slice.exposures(period):
        classes.setdefault(customer.risk_class, []).append(customer)
    rows: list[OutputRow] = []
    for risk_class, customers in classes.items():
        count = sum(customer.has_balance for customer in customers)
        amounts = {
            "receivables_amount": sum((customer.receivables for customer in customers), ZERO),
            "limit_amount": sum(
                (customer.limit.amount for customer in customers if customer.limit), ZERO
            ),
            "insured_amount": sum((customer.insured for customer in customers), ZERO),
        }
        if count > 0 or any(amounts.values()):
            rows.append(
                {
                    "risk_class": risk_class,
                    "is_high_risk": is_high_risk(risk_class),
                    "customer_count": count,
                }
                | amounts
            )
    return rows


# Losses


@lru_cache(maxsize=10_000)
def loss_rates(day: date) -> dict[str, Decimal]:
    """Loss rate of each bucket that has one, from the seed, on a day."""
    found = {}
    buckets = {row["ageing_bucket"] for row in seed("loss_rates")}
    for bucket in buckets:
        row = valid_on([r for r in seed("loss_rates") if r["ageing_bucket"] == bucket], day)
        if row is not None:
            found[bucket] = Decimal(row["loss_rate"])
    return found


def roll_rate(rolled: Decimal, opening: Decimal) -> Decimal:
    """Part of a bucket that goes on to a later one; all of it where nothing was there."""
    return min(max(rolled / opening, ZERO), Decimal(1)) if opening > 0 else Decimal(1)


def observed_loss_rates(whole: Figures, day: date) -> dict[str, Decimal]:
    """Loss rates from the roll rates of the last twelve months: what rolls on to the end is lost.

    Args:
        whole: Figures of all items of the entity or the group.
        day: Last day known.
    """
    rates = loss_rates(day)
    first = first_of_month(day, OBSERVED_MONTHS - 1)
    rolled: dict[str, Decimal] = {}
    opening: dict[str, Decimal] = {}
    for month in periods("month", first, day):
        for row in whole.ageing_buckets(month):
            if row["rolled_amount"] is not None:
                bucket = row["ageing_bucket"]
                rolled[bucket] = rolled.get(bucket, ZERO) + row["rolled_amount"]
                opening[bucket] = opening.get(bucket, ZERO) + row["opening_amount"]
    *earlier, last = [name for name, _ in AGED_BUCKETS]
    rate = rates.get(last, ZERO)
    found = rates | {last: rate}
    for bucket in reversed(earlier):
        rate *= roll_rate(rolled.get(bucket, ZERO), opening.get(bucket, ZERO))
        found[bucket] = rate
    return found


def expected_credit_loss(
    open_amounts: Mapping[str, Decimal], rates: Mapping[str, Decimal]
) -> Decimal:
    """Provision matrix of IFRS 9: balance of each bucket times its loss rate."""
    return sum((amount * rates.get(bucket, ZERO) for bucket, amount in open_amounts.items()), ZERO)


@lru_cache(maxsize=100)
def provisions(ledger: Ledger, entity_code: str, day: date) -> dict[Slice, Decimal]:
    """Last stocks of provisions, by segment of the customer's record in the entity it is of."""
    return {
        key: sum(amounts, ZERO) for key, amounts in provided_for(ledger, entity_code, day).items()
    }


def provided_for(ledger: Ledger, entity_code: str, day: date) -> dict[Slice, list[Decimal]]:
    """Last stocks that are not zero, customer by customer."""
    newest: dict[tuple[str, str], Row] = {}
    for row in ledger.feeds.get("provisions", []):
        key = (row["entity_code"], row["customer_code"])
        if entity_code not in (GROUP, row["entity_code"]) or row["provision_date"] > day:
            continue
        if key not in newest or newest[key]["provision_date"] < row["provision_date"]:
            newest[key] = row
    booked = {
        (item.entity_code, item.customer_code) for item in ledger.items if item.booking_date <= day
    }
    found: dict[Slice, list[Decimal]] = {}
    for (entity, customer_code), row in newest.items():
        if (entity, customer_code) in booked and row["provision_amount"] != 0:
            for key in slices_of(customer_code, ledger.customer(customer_code, entity, day)):
                found.setdefault(key, []).append(row["provision_amount"])
    return found


def first_provisions(ledger: Ledger, entity_code: str) -> dict[Slice, date]:
    """First day on which a provision that is not zero is in a slice."""
    # Only on these days does anything come into a slice.
    days = {row["provision_date"] for row in ledger.feeds.get("provisions", [])}
    days |= {row.get("valid_from") for row in ledger.feeds.get("customers", [])} - {None}
    days |= {item.booking_date for item in ledger.items}
    found: dict[Slice, date] = {}
    for day in sorted(day for day in days if day <= ledger.as_of):
        for key in provided_for(ledger, entity_code, day):
            found.setdefault(key, day)
    return found


def kpi_credit_losses(figures: Figures, period: Period) -> OutputRow:
    """What is lost, or may be, at the loss rates of the seed."""
    return credit_losses(figures, period, loss_rates(figures.as_of(period)), "seed")


def credit_losses(
    figures: Figures, period: Period, rates: Mapping[str, Decimal], basis: str
) -> OutputRow:
    """What is lost, or may be.

    Args:
        figures: Figures of the slice.
        period: Period to tell about.
        rates: Loss rate of each bucket.
        basis: Where the rates come from, `seed` or `observed`.
    """
    ledger = figures.ledger
    first, last = period.start, figures.as_of(period)
    doubtful = ZERO
    defaulting = set()
    for item in figures.items_on(last):
        state = ledger.state(item, last)
        if state.balance == 0:
            continue
        customer = item.customer_on(last)
        if customer.get("is_doubtful") or customer.get("is_insolvent"):
            doubtful += open_amount(ledger, item, last)
        is_late = state.balance > 0 and (state.days_overdue or 0) > DEFAULT_DAYS
        if customer.get("is_insolvent") or is_late:
            defaulting.add(item.customer_code)
    customer_count = len(customers_with_balance(figures, last))
    revenue = figures.flow("revenue", first, last)
    write_off = figures.flow("write_off", first, last)
    provision = provisions(ledger, figures.entity_code, last).get(
        (figures.segment_type, figures.segment_code), ZERO
    )
    position = figures.position(last)
    return {
        "receivables_amount": position.receivables,
        "revenue_amount": revenue,
        "customer_with_balance_count": customer_count,
        "default_customer_count": len(defaulting),
        "loss_rate_basis": basis,
        "doubtful_amount": doubtful,
        "doubtful_to_revenue": ratio(doubtful, revenue),
        "provision_amount": provision,
        "provision_rate": ratio(provision, doubtful),
        "write_off_amount": write_off,
        "loss_rate": ratio(write_off, revenue),
        "provisions_and_losses_to_revenue": ratio(provision + write_off, revenue),
        "default_rate": ratio(Decimal(len(defaulting)), Decimal(customer_count)),
        "expected_credit_loss_amount": expected_credit_loss(position.open_amounts, rates),
    }


# Cash cycle


class Accounts:
    """What the accounts of an entity, or of all those of the group, say of a month."""

    def __init__(self, ledger: Ledger, items: list[Item]) -> None:
        self.figures = Figures(ledger, items)
        self.first_day = self.figures.first_day
        self.entities = {item.entity_code for item in items}
        self._rows = {
            (row["entity_code"], row["period_month"]): row
            for row in ledger.feeds.get("financials", [])
            if row["entity_code"] in self.entities
        }

    def total(self, column: str, months: list[date]) -> Decimal | None:
        """Sum over months and entities; None where any value is missing."""
        total = ZERO
        for entity in self.entities:
            for month in months:
                value = self._rows.get((entity, month), {}).get(column)
                if value is None:
                    return None
                total += value
        return total


def accounts_of(ledger: Ledger, entity_code: str) -> dict[Slice, Accounts]:
    """Accounts of an entity or the group, which have no segments."""
    items = [item for item in ledger.items if entity_code in (GROUP, item.entity_code)]
    return {("all", GROUP): Accounts(ledger, items)}


def over(
    numerator: Decimal | None, denominator: Decimal | None, factor: Decimal | int = 1
) -> Decimal | None:
    """A ratio of figures that may be missing."""
    if numerator is None or denominator is None:
        return None
    return ratio(numerator, denominator, factor)


def kpi_cash_cycle(accounts: Accounts, period: Period) -> OutputRow:
    """How long cash is tied up."""
    figures = accounts.figures
    last = figures.as_of(period)
    days = (last - period.start).days + 1
    months = [month.start for month in periods("month", period.start, last)]
    revenue = figures.flow("revenue", period.start, last)
    receivables = figures.position(last).receivables
    cost_of_goods_sold = accounts.total("cost_of_goods_sold", months)
    purchases = accounts.total("purchases_amount", months)
    opening_inventory = accounts.total("inventory_amount", [first_of_month(period.start, 1)])
    inventory = accounts.total("inventory_amount", months[-1:])
    payables = accounts.total("payables_amount", months[-1:])
    ebitda = accounts.total("ebitda_amount", months)
    cash_flow = accounts.total("cash_flow_amount", months)
    free_cash_flow = accounts.total("free_cash_flow_amount", months)

    mean_inventory = None
    if opening_inventory is not None and inventory is not None:
        mean_inventory = (opening_inventory + inventory) / 2
    dso = ratio(receivables, revenue, days)
    dio = over(mean_inventory, cost_of_goods_sold, days)
    dpo = over(payables, purchases, days)
    return {
        "revenue_amount": revenue,
        "receivables_amount": receivables,
        "cost_of_goods_sold_amount": cost_of_goods_sold,
        "purchases_amount": purchases,
        "opening_inventory_amount": opening_inventory,
        "inventory_amount": inventory,
        "payables_amount": payables,
        "ebitda_amount": ebitda,
        "cash_flow_amount": cash_flow,
        "free_cash_flow_amount": free_cash_flow,
        "dso_days": dso,
        "dio_days": dio,
        "dpo_days": dpo,
        "dpo_cogs_days": over(payables, cost_of_goods_sold, days),
        "ccc_days": difference(None if dio is None or dso is None else dio + dso, dpo),
        "free_cash_flow_rate": over(free_cash_flow, revenue),
        "cash_margin_rate": over(cash_flow, ebitda),
    }


TABLES = {
    "kpi_credit_exposure": Table(SLICE_KEY, kpi_credit_exposure, slices=customer_slices),
    "kpi_credit_exposure_classes": Table(
        [*SLICE_KEY, "risk_class"], kpi_credit_exposure_classes, slices=customer_slices
    ),
    "kpi_credit_losses": Table(SLICE_KEY, kpi_credit_losses, is_of_items=False),
    "kpi_cash_cycle": Table(SLICE_KEY, kpi_cash_cycle, slices=accounts_of),
}

# Ratios and what they are over, as `compare` wants them.
DENOMINATORS: dict[str, list[str]] = {
    "utilisation_rate": ["limit_amount"],
    "over_limit_customer_rate": ["customer_with_balance_count"],
    "coverage_rate": ["positive_receivables_amount"],
    "insured_revenue_rate": ["insurable_revenue_amount"],
    "top_10_share": ["positive_receivables_amount"],
    "herfindahl_index": ["positive_receivables_amount"],
    "doubtful_to_revenue": ["revenue_amount"],
    "provision_rate": ["doubtful_amount"],
    "loss_rate": ["revenue_amount"],
    "provisions_and_losses_to_revenue": ["revenue_amount"],
    "default_rate": ["customer_with_balance_count"],
    "dio_days": ["cost_of_goods_sold_amount"],
    "dpo_days": ["purchases_amount"],
    "dpo_cogs_days": ["cost_of_goods_sold_amount"],
    "ccc_days": ["revenue_amount", "cost_of_goods_sold_amount", "purchases_amount"],
    "free_cash_flow_rate": ["revenue_amount"],
    "cash_margin_rate": ["ebitda_amount"],
}
# Products of an amount and a rate, which a warehouse rounds in any currency, and what follows.
PRODUCTS = {"insured_amount", "uninsured_amount", "coverage_rate", "expected_credit_loss_amount"}
