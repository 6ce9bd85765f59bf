"""Companies as data: random ones, hand-made ones, and many of them in one dataset.

A company is the feeds of one entity without `entity_code`; the dataset it is put into gives it one.
Companies share the run's calendar, the customers without entity and the exchange rates, nothing
else: so each can be looked at, and made smaller, apart from the others.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from reference.ledger import Feeds, Row
from reference.terms import due_date_of, terms_of

Company = dict[str, list[dict[str, Any]]]

FIRST_DAY = date(2023, 3, 10)
AS_OF = date(2024, 5, 17)
REPORTING_CURRENCY = "EUR"

FINANCIAL_COLUMNS = [
    "cost_of_goods_sold",
    "purchases_amount",
    "inventory_amount",
    "payables_amount",
    "ebitda_amount",
    "cash_flow_amount",
    "free_cash_flow_amount",
]
AMOUNT_COLUMNS = {
    "gross_amount",
    "net_amount",
    "amount",
    "units_per_base",
    "cost_amount",
    "limit_amount",
    "insured_limit_amount",
    "quota_rate",
    "provision_amount",
    *FINANCIAL_COLUMNS,
}
COUNT_COLUMNS = {"level"}
FLAG_COLUMNS = {"is_factored", "is_insurable", "is_doubtful", "is_insolvent"}
DAY_COLUMNS = {"valid_from", "valid_to", "period_month"}
# What no row can do without, so that making a company smaller keeps it acceptable.
REQUIRED_COLUMNS = {
    "invoices": {"invoice_number", "customer_code", "issue_date", "gross_amount", "currency_code"},
    "receipts": {"receipt_id", "customer_code", "receipt_date", "amount", "currency_code"},
    "allocations": {"allocation_id", "invoice_number", "amount"},
    "write_offs": {"write_off_id", "invoice_number", "write_off_date", "amount"},
    "disputes": {"dispute_id", "invoice_number", "opened_on"},
    "reminders": {"reminder_id", "invoice_number", "planned_on"},
    "promises": {"promise_id", "invoice_number", "made_on", "promised_date", "amount"},
    "customers": {"customer_code", "entity_code"},
    "credit_limits": {"customer_code", "valid_from", "limit_amount", "currency_code"},
    "credit_insurance": {"customer_code", "valid_from", "insured_limit_amount", "currency_code"},
    "provisions": {"customer_code", "provision_date", "provision_amount"},
    "collection_costs": {"period_month", "category", "cost_amount"},
    "financials": {"period_month"},
}

# Customers of every entity; the last one has nothing but a name. C7 has no row at all.
SHARED_CUSTOMERS: list[Row] = [
    {
        "customer_code": "C1",
        "customer_name": "Aubert",
        "customer_segment": "KEY",
        "business_unit": "BU1",
        "region": "NORTH",
        "customer_type": "COMPANY",
        "salesperson_code": "S1",
        "collector_code": "K1",
        "industry_code": "62",
        "risk_class": "B",
        "terms_signed_on": date(2023, 12, 31),
    },
    {
        "customer_code": "C2",
        "customer_name": "Blanchard",
        "customer_segment": "SMALL",
        "business_unit": "BU2",
        "region": "NORTH",
        "customer_type": "COMPANY",
        "salesperson_code": "S2",
        "collector_code": "K1",
        "industry_code": "10.71",
        "payment_terms": "selon contrat",
        "risk_class": "E",
        "is_insurable": False,
        "is_doubtful": True,
        "terms_signed_on": date(2024, 2, 1),
    },
    {
        "customer_code": "C3",
        "customer_name": "Carpentier",
        "customer_segment": "SMALL",
        "region": "SOUTH",
        "customer_type": "PUBLIC",
        "industry_code": "84",
        "collector_code": "K2",
        "payment_terms": "45 jours fin de mois",
        "risk_class": "D",
        "is_insurable": True,
        "is_insolvent": True,
    },
    {
        "customer_code": "C3",
        "valid_from": date(2024, 3, 15),
        "customer_name": "Carpentier",
        "customer_segment": "KEY",
        "region": "NORTH",
        "customer_type": "PUBLIC",
        "industry_code": "84",
        "collector_code": "K1",
        "salesperson_code": "S2",
        "payment_terms": "30 jours",
        "risk_class": "B",
    },
    {"customer_code": "C4", "customer_name": "Dumont"},
    {
        "customer_code": "C4",
        "valid_from": date(2024, 4, 1),
        "customer_name": "Dumont & fils",
        "region": "SOUTH",
    },
]
# Limits and covers of every entity; C1, C5, C6 and C7 have none.
SHARED_LIMITS: dict[str, list[Row]] = {
    "credit_limits": [
        {
            "customer_code": "C2",
            "valid_from": date(2022, 1, 1),
            "limit_amount": Decimal("300.00"),
            "currency_code": "EUR",
        },
        {
            "customer_code": "C2",
            "valid_from": date(2024, 1, 15),
            "valid_to": date(2024, 3, 31),
            "limit_amount": Decimal("90.00"),
            "currency_code": "EUR",
        },
        {
            "customer_code": "C3",
            "valid_from": date(2023, 11, 30),
            "valid_to": date(2024, 4, 29),
            "limit_amount": Decimal("1000.00"),
            "currency_code": "USD",
        },
    ],
    "credit_insurance": [
        {
            "customer_code": "C2",
            "valid_from": date(2024, 2, 29),
            "insured_limit_amount": Decimal("150.00"),
            "quota_rate": Decimal("0.9"),
            "currency_code": "EUR",
        },
        {
            "customer_code": "C4",
            "valid_from": date(2023, 1, 1),
            "valid_to": date(2024, 3, 31),
            "insured_limit_amount": Decimal("120.00"),
            "currency_code": "GBP",
        },
    ],
}
PAYMENT_TERMS = [
    "30 jours",
    "30 DAYS",
    "30 jours net",
    "60 jours nets",
    "net 30",
    "à réception",
    "A reception",
    "Comptant",
    "immediate",
    "due on receipt",
    "45 jours fin de mois",
    "45 days end of month",
    "45 EOM",
    "60 FDM",
    "fin de mois",
    "end of month",
    "fin de mois + 45 jours",
    "end of month + 30 days",
    "EOM + 45",
    "FDM + 45 jours",
    "60 jours fin de mois le 17",
    "30 days end of month on the 31",
    # Not to be read:
    "30",
    "2/10 net 30",
    "30/60/90 jours",
    "fin de mois 45 jours",
    "selon contrat",
]
CUSTOMER_CODES = ["C1", "C2", "C3", "C4", "C5", "C6", "C7"]

ANCHOR: Company = {
    "invoices": [
        {
            "invoice_number": "ANCHOR",
            "customer_code": "C1",
            "issue_date": FIRST_DAY,
            "due_date": FIRST_DAY + timedelta(days=30),
            "gross_amount": Decimal("10.00"),
            "currency_code": REPORTING_CURRENCY,
        }
    ]
}


def exchange_rates(first: date, last: date, seed_number: int = 0) -> list[Row]:
    """Rates in units per GBP, with gaps of up to forty days, from the first day on."""
    source = random.Random(seed_number)
    rows: list[Row] = []
    for currency_code, start in (("EUR", Decimal("1.15")), ("USD", Decimal("1.27"))):
        day, units = first, start
        while day <= last:
            rows.append(
                {
                    "rate_date": day,
                    "currency_code": currency_code,
                    "units_per_base": units,
                    "base_currency_code": "GBP",
                }
            )
            day += timedelta(days=source.choice([1, 1, 2, 3, 7, 40]))
            units += Decimal(source.randrange(-20000, 20001)).scaleb(-6)
    return rows


# Random companies


def _often(usual: Any, *others: Any, weight: int = 4) -> st.SearchStrategy[Any]:
    """The usual value `weight` times as often as each of the others."""
    return st.sampled_from([usual] * weight + list(others))


@st.composite
def _days(draw: st.DrawFn, first: date, last: date) -> date:
    day = first + timedelta(days=draw(st.integers(0, (last - first).days)))
    # Ends and starts of months are where periods and rates meet.
    shift = draw(_often("none", "first", "last", weight=5))
    if shift == "first":
        return max(first, day.replace(day=1))
    if shift == "last":
        return max(first, day.replace(day=1) - timedelta(days=1))
    return day


_AMOUNTS = st.one_of(
    st.sampled_from(["100.00", "50.00", "200.00", "150.00", "1000.00"]),
    st.integers(1, 500_000).map(lambda cents: f"{cents / 100:.2f}"),
    st.sampled_from(["0.01", "100.00", "0.00", "99.99"]),
).map(Decimal)


@st.composite
def companies(draw: st.DrawFn, currencies: Sequence[str] | None = None) -> Company:
    """A small company: a few documents over two to fourteen months.

    Args:
        currencies: Currencies of its documents; None to draw them.
    """
    limit_currency = st.sampled_from(["EUR", "EUR", "EUR", "USD", "GBP"])
    if currencies is not None:
        limit_currency = st.sampled_from(list(currencies))
    else:
        currencies = draw(
            st.sampled_from(
                [["EUR"]] * 6 + [["USD"], ["GBP"], ["EUR", "USD"], ["EUR", "USD", "GBP"]]
            )
        )
    months = draw(st.sampled_from([2, 2, 2, 3, 3, 3, 4, 4, 5, 6, 8, 14]))
    start = max(FIRST_DAY, AS_OF - timedelta(days=months * 30 + draw(st.integers(0, 30))))
    # Some things happen after the as-of day, and must not be seen.
    days = _days(start, AS_OF + timedelta(days=draw(_often(0, 20, weight=1))))
    customer_codes = draw(st.lists(st.sampled_from(CUSTOMER_CODES), min_size=1, max_size=4))
    customer = st.sampled_from(customer_codes)
    currency = st.sampled_from(list(currencies))
    gap = draw(_often(0, 75))  # days after the start without any invoice

    company: Company = {"invoices": [], "receipts": [], "allocations": []}
    company |= {"write_offs": [], "disputes": [], "reminders": [], "promises": [], "customers": []}
    for code in sorted(set(customer_codes)):
        # C5 and C6 are unknown to the others; the rest may have attributes of its own here.
        if code == "C7" or not draw(_often(code in ("C5", "C6"), True, weight=2)):
            continue
        # Most customers change nothing; a first row may begin late, too.
        starts = [draw(st.one_of(st.none(), st.none(), st.none(), days))]
        starts += draw(st.lists(days, max_size=draw(_often(0, 1, 3, weight=1)), unique=True))
        for valid_from in dict.fromkeys(starts):
            company["customers"].append(_customer(draw, code, valid_from, days))

    for number in range(1, draw(st.integers(3, 12)) + 1):
        company["invoices"].append(_invoice(draw, number, days, customer, currency, start, gap))
    numbers = [row["invoice_number"] for row in company["invoices"]]
    for row in company["invoices"]:
        if row["document_type"] == "credit_note" or row["gross_amount"] < 0:
            others = [number for number in numbers if number != row["invoice_number"]]
            row["applies_to_invoice_number"] = draw(st.sampled_from([None, "nowhere", *others * 2]))

    # Days that coincide are where an edge is on the wrong side.
    due = _due_dates(company)
    landmarks = [
        day + timedelta(days=shift)
        for row in company["invoices"]
        for day, shifts in (
            (row["issue_date"], [-1, 0]),
            (due.get(row["invoice_number"]), [0, 1, 3, 30, 31, 121]),
        )
        for shift in shifts
        if day is not None and start <= day + timedelta(days=shift) <= AS_OF
    ]
    days = st.one_of(days, st.sampled_from(landmarks)) if landmarks else days

    gross = {row["invoice_number"]: abs(row["gross_amount"]) for row in company["invoices"]}
    # Receipts may be numbered like invoices.
    prefix = draw(_often("R", ""))
    for number in range(1, draw(st.integers(0, 7)) + 1):
        company["receipts"].append(_receipt(draw, prefix, number, days, customer, currency, gross))
    for number in range(1, draw(st.integers(0, 7)) + 1):
        company["allocations"].append(_allocation(draw, number, days, company, gross))
    debits = [row for row in company["invoices"] if row["gross_amount"] > 0]
    for number in range(1, draw(st.integers(0, 4)) + 1 if debits else 1):
        row = draw(st.sampled_from(debits[:3] * 2 + debits))
        company["receipts"].append(_full_payment(draw, f"P{number}", row, due, days))
    _write_offs_and_disputes(draw, company, gross, days)
    _chase(draw, company, due, days)
    company |= _limits(draw, customer_codes, days, limit_currency)
    company |= _accounts(draw, customer_codes, start)
    return company


def _customer(
    draw: st.DrawFn, code: str, valid_from: date | None, days: st.SearchStrategy[date]
) -> dict[str, Any]:
    return {
        "customer_code": code,
        "valid_from": valid_from,
        "customer_name": draw(_often(f"Own {code}", None)),
        "customer_segment": draw(st.sampled_from(["KEY", "SMALL", None])),
        "business_unit": draw(st.sampled_from(["BU1", None])),
        "region": draw(st.sampled_from(["SOUTH", "WEST", None])),
        "customer_type": draw(st.sampled_from(["PUBLIC", None])),
        "salesperson_code": draw(st.sampled_from(["S1", "S3", None])),
        "collector_code": draw(st.sampled_from(["K2", None])),
        "industry_code": draw(st.sampled_from(["62", "62.01Z", "8411", "01", None])),
        "payment_terms": draw(st.sampled_from([None, None, *PAYMENT_TERMS])),
        "risk_class": draw(st.sampled_from(["A", "C", "D", "?", None])),
        "is_doubtful": draw(st.sampled_from([True, False, None, None])),
        "is_insolvent": draw(st.sampled_from([True, False, None, None])),
        "is_insurable": draw(st.sampled_from([True, False, None])),
        "terms_signed_on": draw(st.one_of(st.none(), days)),
    }


def _invoice(
    draw: st.DrawFn,
    number: int,
    days: st.SearchStrategy[date],
    customer: st.SearchStrategy[str],
    currency: st.SearchStrategy[str],
    start: date,
    gap: int,
) -> dict[str, Any]:
    document_type = draw(
        st.sampled_from([None] * 4 + ["invoice", "debit_note", "credit_note", "opening"])
    )
    amount = draw(_AMOUNTS)
    # For an invoice or debit note this makes a credit note, for an opening item an open credit;
    # the sign of a credit note is not supposed to matter.
    if draw(st.sampled_from([False] * 7 + [True])):
        amount = -amount
    issue_date = draw(days)
    if issue_date < start + timedelta(days=gap):
        issue_date = min(AS_OF, issue_date + timedelta(days=gap))
    opening_date = None
    if document_type == "opening" and draw(st.booleans()):
        opening_date = issue_date
        # Issued before the run's first movement, so due long before it was taken over.
        issue_date -= timedelta(days=draw(st.integers(0, 200)))
    terms = draw(_often(30, *[None, -5, 0, 10, 45, 60, 61, 90] * 4, 20_000, -20_000, weight=8))
    payment_terms = draw(st.sampled_from([None] * 30 + PAYMENT_TERMS))
    if payment_terms is not None and draw(st.booleans()):
        terms = None
    return {
        "invoice_number": str(number),
        "customer_code": draw(customer),
        "issue_date": issue_date,
        "due_date": None if terms is None else issue_date + timedelta(days=terms),
        "gross_amount": amount,
        "currency_code": draw(currency),
        "document_type": document_type,
        "applies_to_invoice_number": None,
        "business_unit": draw(_often(None, "BU2", weight=5)),
        "salesperson_code": draw(_often(None, "S9", weight=5)),
        "is_factored": draw(_often(None, True, False, weight=5)),
        "opening_date": opening_date,
        "net_amount": draw(st.sampled_from([None, (amount / 2).quantize(Decimal("0.01"))])),
        "payment_terms": payment_terms,
        "is_insurable": draw(_often(None, True, False, weight=5)),
    }


def _due_dates(company: Company) -> dict[str, date]:
    """Due date of the invoices that have one, or terms of their own to make it from."""
    found = {}
    for row in company["invoices"]:
        terms = terms_of(row["payment_terms"])
        due_date = row["due_date"]
        if due_date is None and terms is not None:
            due_date = due_date_of(terms, row["issue_date"])
        if due_date is not None:
            found[row["invoice_number"]] = due_date
    return found


def _full_payment(
    draw: st.DrawFn,
    receipt_id: str,
    invoice: Mapping[str, Any],
    due: Mapping[str, date],
    days: st.SearchStrategy[date],
) -> dict[str, Any]:
    """A receipt of all that an invoice is about, on a day that its due date makes an edge."""
    receipt_date = draw(days)
    due_date = due.get(invoice["invoice_number"])
    if due_date is not None and FIRST_DAY <= due_date <= AS_OF and draw(_often(True, False)):
        receipt_date = due_date + timedelta(days=draw(st.sampled_from([-9, 0, 0, 1, 3, 4, 20])))
    bounced = draw(_often(None, 0, 12, 45, weight=8))
    return {
        "receipt_id": receipt_id,
        "customer_code": draw(st.sampled_from([invoice["customer_code"], None])),
        "receipt_date": max(FIRST_DAY, receipt_date),
        "amount": abs(invoice["gross_amount"]),
        "currency_code": invoice["currency_code"],
        "reversed_on": None if bounced is None else receipt_date + timedelta(days=bounced),
        "invoice_number": invoice["invoice_number"],
    }


def _write_offs_and_disputes(
    draw: st.DrawFn,
    company: Company,
    gross: Mapping[str, Decimal],
    days: st.SearchStrategy[date],
) -> None:
    numbers = list(gross)
    for number in range(1, draw(_often(0, 1, 2, weight=2)) + 1):
        target = draw(st.sampled_from([*numbers * 3, "nowhere"]))
        company["write_offs"].append(
            {
                "write_off_id": f"W{number}",
                "invoice_number": target,
                "write_off_date": draw(days),
                "amount": draw(st.one_of(st.just(gross.get(target, Decimal(5))), _AMOUNTS)),
            }
        )
    for number in range(1, draw(st.integers(0, 4)) + 1):
        target = draw(st.sampled_from([*numbers[:3] * 3, *numbers, "nowhere"]))
        opened_on = draw(days)
        closing = draw(_often(15, None, None, 60, 200, 0, -3, weight=2))
        company["disputes"].append(
            {
                "dispute_id": f"D{number}",
                "invoice_number": target,
                "opened_on": opened_on,
                "closed_on": None if closing is None else opened_on + timedelta(days=closing),
                "amount": draw(st.one_of(st.none(), _AMOUNTS)),
                "reason_code": draw(st.sampled_from(["PRICE", "QUALITY", None])),
            }
        )


def _chase(
    draw: st.DrawFn, company: Company, due: Mapping[str, date], days: st.SearchStrategy[date]
) -> None:
    """Reminders and promises; a few invoices have most of them."""
    numbers = [row["invoice_number"] for row in company["invoices"]]
    paid = [row["invoice_number"] for row in company["receipts"] if row["invoice_number"]]
    number = st.sampled_from([*numbers[:2] * 2, *paid * 2, *numbers, "nowhere"])
    for place in range(1, draw(st.integers(0, 7)) + 1):
        company["reminders"].append(_reminder(draw, f"M{place}", draw(number), due, company, days))
    for place in range(1, draw(st.integers(0, 5)) + 1):
        company["promises"].append(_promise(draw, f"P{place}", draw(number), company, days))


def _reminder(
    draw: st.DrawFn,
    reminder_id: str,
    number: str,
    due: Mapping[str, date],
    company: Company,
    days: st.SearchStrategy[date],
) -> dict[str, Any]:
    planned_on = draw(days)
    due_date = due.get(number)
    paid = [row["receipt_date"] for row in company["receipts"] if row["invoice_number"] == number]
    edge = draw(_often("due", "paid", None, weight=2))
    if edge == "due" and due_date is not None and FIRST_DAY <= due_date <= AS_OF:
        planned_on = due_date + timedelta(
            days=draw(st.sampled_from([-5, 0, 1, 1, 3, 3, 4, 10, 25]))
        )
    elif edge == "paid" and paid:
        planned_on = draw(st.sampled_from(paid))
        planned_on -= timedelta(days=draw(st.sampled_from([0, 1, 5, 15, 15, 16])))
    late = draw(_often(0, None, 1, 2, 9, -1))
    return {
        "reminder_id": reminder_id,
        "invoice_number": number,
        "planned_on": planned_on,
        "done_on": None if late is None else planned_on + timedelta(days=late),
        "level": draw(st.sampled_from([None, 0, 1, 1, 2, 2, 3, 4, 5, 6])),
        "collector_code": draw(st.sampled_from(["K1", "K9", None])),
        "cost_amount": draw(st.sampled_from([None, Decimal("0.00"), Decimal("1.50"), Decimal(7)])),
        "non_payment_reason": draw(st.sampled_from([None, None, "CASH", "CASH", "LOST", "PRICE"])),
    }


def _promise(
    draw: st.DrawFn,
    promise_id: str,
    number: str,
    company: Company,
    days: st.SearchStrategy[date],
) -> dict[str, Any]:
    paid = [row for row in company["receipts"] if row["invoice_number"] == number]
    made_on = draw(days)
    wait = draw(st.sampled_from([0, 3, 5, 10, 30, -2]))
    promised_date = made_on + timedelta(days=wait)
    amounts = [
        row["gross_amount"] for row in company["invoices"] if row["invoice_number"] == number
    ]
    if paid and draw(_often(True, False, weight=3)):
        # Promised for the day of a receipt, or the day before or after.
        receipt = draw(st.sampled_from(paid))
        promised_date = receipt["receipt_date"]
        promised_date += timedelta(days=draw(st.sampled_from([0, 0, 1, 6, -1])))
        made_on = promised_date - timedelta(days=wait)
        amounts.append(receipt["amount"])
    amount = draw(st.one_of(st.sampled_from(amounts or [Decimal(10)]), _AMOUNTS))
    return {
        "promise_id": promise_id,
        "invoice_number": number,
        "made_on": made_on,
        "promised_date": promised_date,
        "amount": (amount / draw(_often(1, 2, 4, weight=2))).quantize(Decimal("0.01")),
    }


def _limits(
    draw: st.DrawFn,
    customer_codes: Sequence[str],
    days: st.SearchStrategy[date],
    currency: st.SearchStrategy[str],
) -> Company:
    found: Company = {"credit_limits": [], "credit_insurance": []}
    for feed, column in (
        ("credit_limits", "limit_amount"),
        ("credit_insurance", "insured_limit_amount"),
    ):
        for code in sorted(set(customer_codes)):
            starts = draw(st.lists(days, max_size=2, unique=True))
            for valid_from in starts:
                lasts = draw(_often(None, 0, 20, 60, 200, weight=3))
                row = {
                    "customer_code": code,
                    "valid_from": valid_from,
                    "valid_to": None if lasts is None else valid_from + timedelta(days=lasts),
                    column: draw(_AMOUNTS),
                    "currency_code": draw(currency),
                }
                if feed == "credit_insurance":
                    row["quota_rate"] = draw(
                        st.sampled_from([None, Decimal("0.9"), Decimal("0.5")])
                    )
                found[feed].append(row)
    return found


def _accounts(draw: st.DrawFn, customer_codes: Sequence[str], start: date) -> Company:
    """Provisions, collection costs and financials."""
    found: Company = {"provisions": [], "collection_costs": [], "financials": []}
    source = random.Random(draw(st.integers(0, 1_000_000)))
    days = [start + timedelta(days=number) for number in range((AS_OF - start).days + 10)]

    def amount(lowest: int = 0) -> Decimal:
        return Decimal(source.randint(lowest, 100_000)).scaleb(-2)

    codes = [*sorted(set(customer_codes)), "C9"]
    stocks = {(source.choice(codes), source.choice(days)) for _ in range(source.choice([0, 2, 4]))}
    for code, day in sorted(stocks):
        found["provisions"].append(
            {"customer_code": code, "provision_date": day, "provision_amount": amount()}
        )

    months = sorted({day.replace(day=1) for day in (start - timedelta(days=31), *days)})
    share = source.choice([0, 0.5, 1])
    for month in months:
        for category in ("STAFF", "LEGAL"):
            if source.random() < share / 2:
                found["collection_costs"].append(
                    {"period_month": month, "category": category, "cost_amount": amount()}
                )
    # Companies that know all of their months, most of them, or none.
    month_share, value_share = source.choice([(1.0, 1.0), (1.0, 0.95), (0.8, 1.0), (0.0, 0.0)])
    for month in months:
        if source.random() < month_share:
            values = [
                amount(-20_000) if source.random() < value_share else None
                for _ in FINANCIAL_COLUMNS
            ]
            found["financials"].append(
                {"period_month": month, **dict(zip(FINANCIAL_COLUMNS, values, strict=True))}
            )
    return found


def _receipt(
    draw: st.DrawFn,
    prefix: str,
    number: int,
    days: st.SearchStrategy[date],
    customer: st.SearchStrategy[str],
    currency: st.SearchStrategy[str],
    gross: Mapping[str, Decimal],
) -> dict[str, Any]:
    amount = draw(st.one_of(st.sampled_from(sorted(gross.values())), _AMOUNTS))
    receipt_date = draw(days)
    bounced = draw(_often(None, 0, 5, 20, -2, 90, weight=6))
    named = draw(st.sampled_from([None] * 4 + ["nowhere", *list(gross)[:6]]))
    knows_customer = named is None or draw(_often(True, False))
    return {
        "receipt_id": f"{prefix}{number}",
        "customer_code": draw(customer) if knows_customer else None,
        "receipt_date": receipt_date,
        "amount": amount * draw(_often(1, -1, weight=8)),
        "currency_code": draw(currency),
        "reversed_on": None if bounced is None else receipt_date + timedelta(days=bounced),
        "invoice_number": named,
    }


def _allocation(
    draw: st.DrawFn,
    number: int,
    days: st.SearchStrategy[date],
    company: Company,
    gross: Mapping[str, Decimal],
) -> dict[str, Any]:
    receipts = {row["receipt_id"]: row["amount"] for row in company["receipts"]}
    credit_notes = {
        row["invoice_number"]: abs(row["gross_amount"])
        for row in company["invoices"]
        if row["document_type"] == "credit_note" or row["gross_amount"] < 0
    }
    kind = draw(st.sampled_from(["receipt"] * 6 + ["credit_note"] * 2 + ["discount"] * 2))
    row: dict[str, Any] = {
        "allocation_id": f"A{number}",
        "invoice_number": draw(st.sampled_from([*list(gross) * 4, "nowhere"])),
        "allocation_date": draw(st.one_of(st.none(), days)),
        "kind": kind,
        "receipt_id": None,
        "credit_note_number": None,
    }
    amounts = [gross.get(row["invoice_number"], Decimal(10))]
    named = kind if kind != "discount" else draw(_often("receipt", "credit_note", None, weight=2))
    if named == "receipt":
        row["receipt_id"] = draw(st.sampled_from([*list(receipts) * 6, "nothing"]))
        amounts.append(receipts.get(row["receipt_id"], Decimal(10)))
    elif named == "credit_note":
        # Invoice 1 may be a credit note, or may not, and then cannot be allocated.
        row["credit_note_number"] = draw(st.sampled_from([*list(credit_notes) * 6, "1", "nothing"]))
        amounts.append(credit_notes.get(row["credit_note_number"], Decimal(10)))
    if kind == "discount" and row["receipt_id"] is None and row["allocation_date"] is None:
        row["allocation_date"] = draw(days)
    amount = draw(st.one_of(st.sampled_from(amounts), _AMOUNTS))
    if kind == "discount":
        amount = amount / 10
    row["amount"] = (amount / draw(_often(1, 2, weight=2))).quantize(Decimal("0.01"))
    if kind != "discount" and draw(st.booleans()):
        row["kind"] = None
    return row


def draw_companies(
    count: int, seed_number: int, strategy: st.SearchStrategy[Company]
) -> list[Company]:
    """Draw a fixed number of examples, the same ones for the same seed and code.

    Hypothesis cannot make one build of hundreds of companies smaller; `shrunk` does it instead.
    """
    drawn: list[Company] = []

    # The first example of a search is the simplest one and later ones vary earlier ones: the
    # second of each of many searches is as random as it gets.
    @settings(
        max_examples=2,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(company: Company) -> None:
        found.append(company)

    for number in range(count):
        found: list[Company] = []
        seed(seed_number * 1_000_000 + number)(collect)()
        drawn.append(found[-1])
    return drawn


# Datasets and cases


def dataset(named: Mapping[str, Company], rates: Sequence[Row] = ()) -> Feeds:
    """Put companies into one dataset, each as the entity that names it."""
    feeds: dict[str, list[Row]] = {
        "entities": [{"entity_code": code, "entity_name": f"Entity {code}"} for code in named],
        "customers": list(SHARED_CUSTOMERS),
        "fx_rates": list(rates),
    }
    known = {REPORTING_CURRENCY, *(row["currency_code"] for row in rates)}
    known |= {row["base_currency_code"] for row in rates}
    for feed, shared in SHARED_LIMITS.items():
        feeds[feed] = [row for row in shared if row["currency_code"] in known]
    for entity_code, company in named.items():
        for feed, rows in company.items():
            for row in rows:
                feeds.setdefault(feed, []).append({**row, "entity_code": entity_code})
    return feeds


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def company_of(case: Mapping[str, Sequence[Mapping[str, Any]]]) -> Company:
    """Read a hand-made company: every value is text, as `text_of` writes it."""
    return {
        feed: [{name: _value(name, text) for name, text in row.items()} for row in rows]
        for feed, rows in case.items()
    }


def _value(column: str, text: str) -> Any:
    if column in AMOUNT_COLUMNS:
        return Decimal(text)
    if column in COUNT_COLUMNS:
        return int(text)
    if column in FLAG_COLUMNS:
        return text == "true"
    if column in DAY_COLUMNS or column.endswith(("_date", "_on")):
        return date.fromisoformat(text)
    return text


def text_of(company: Company) -> str:
    """A company as the Python literal that `company_of` reads, empty values left out."""
    lines = ["{"]
    for feed, rows in company.items():
        if rows:
            lines.append(f'    "{feed}": [')
            for row in rows:
                cells = {name: _cell(value) for name, value in row.items() if value is not None}
                lines.append(f"        {cells},")
            lines.append("    ],")
    return "\n".join([*lines, "}"])


def size_of(company: Company) -> tuple[int, int]:
    """Rows, then values, of a company."""
    rows = [row for feed_rows in company.values() for row in feed_rows]
    return len(rows), sum(value is not None for row in rows for value in row.values())


def without_rows(company: Company) -> list[Company]:
    """Companies that lack some of the rows of this one: a half, a quarter, ... or a single one."""
    rows = [(feed, row) for feed, feed_rows in company.items() for row in feed_rows]
    found: list[Company] = []
    for dropped in _chunks(len(rows)):
        smaller: Company = {feed: [] for feed in company}
        for place, (feed, row) in enumerate(rows):
            if place not in dropped:
                smaller[feed].append(row)
        found.append(smaller)
    return found


def without_values(company: Company) -> list[Company]:
    """Companies that lack some of the values of this one that may be empty."""
    cells = [
        (feed, place, column)
        for feed, rows in company.items()
        for place, row in enumerate(rows)
        for column, value in row.items()
        if value is not None and column not in REQUIRED_COLUMNS[feed]
    ]
    found: list[Company] = []
    for dropped in _chunks(len(cells)):
        smaller = {feed: [dict(row) for row in rows] for feed, rows in company.items()}
        for feed, place, column in (cells[number] for number in dropped):
            smaller[feed][place][column] = None
        if all(_is_acceptable(row) for row in smaller.get("allocations", [])):
            found.append(smaller)
    return found


def _chunks(count: int) -> list[range]:
    chunks = []
    size = count
    while size:
        chunks += [range(start, min(start + size, count)) for start in range(0, count, size)]
        size //= 2
    return chunks


def _is_acceptable(allocation: Mapping[str, Any]) -> bool:
    kind = allocation.get("kind")
    named = allocation.get("receipt_id"), allocation.get("credit_note_number")
    if kind == "discount":
        return bool(named[0] or allocation.get("allocation_date"))
    return bool(named[0] if kind == "receipt" else named[1] if kind else any(named))


def shrunk(company: Company, fails: Callable[[list[Company]], list[bool]]) -> Company:
    """Make a failing company smaller for as long as it fails.

    Args:
        fails: Says of each of many companies whether it fails; asked once per round, so that a
            round is one build.
    """
    for simplify in (without_rows, without_values):
        while candidates := simplify(company):
            failing = [c for c, failed in zip(candidates, fails(candidates), strict=True) if failed]
            if not failing:
                break
            company = min(failing, key=size_of)
    return company
