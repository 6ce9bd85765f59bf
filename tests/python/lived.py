"""A home folder that lived: random companies and hand-made ones between two publications.

Thirty random companies each go through a sequence of their own of late, corrected and deleted rows.
Beside them each hand-made company shows one way in which a closed period can move, and a row that
changes too and does not concern it.
"""

import random
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from reference.companies import AS_OF, FIRST_DAY, companies, dataset, draw_companies, exchange_rates
from support import Feeds

COMPANIES = 30
SEED = 20260630
ATTRIBUTES = ("customer_segment", "region", "salesperson_code", "business_unit")
FIXED = ("valid", "period", "provision_date")  # days that are keys, or must begin a month

Rows = dict[str, list[dict[str, Any]]]


class Sequences:
    """The states of the random companies, one after the other."""

    def __init__(self) -> None:
        self._chance = random.Random(SEED)
        drawn = draw_companies(COMPANIES, SEED, companies())
        named = {f"E{number:03}": company for number, company in enumerate(drawn, start=1)}
        rates = exchange_rates(FIRST_DAY - timedelta(days=3), AS_OF + timedelta(days=60))
        whole = dict(dataset(named, rates))
        whole.pop("control_balances", None)  # they would stop what does not tie out
        self._late: Rows = {}
        self.now: Rows = {}
        for feed, rows in whole.items():
            for row in rows:
                late = "entity_code" in row and feed != "entities" and self._chance.random() < 0.2
                (self._late if late else self.now).setdefault(feed, []).append(dict(row))

    def step(self) -> None:
        """The next state: of each company some rows come late, some are corrected or deleted."""
        for feed, rows in self.now.items():
            if feed == "entities":
                continue
            kept = [new for row in rows if (new := self._stepped(feed, row)) is not None]
            late = self._late.get(feed, [])
            arriving = [row for row in late if self._chance.random() < 0.4]
            self._late[feed] = [row for row in late if row not in arriving]
            self.now[feed] = kept + arriving

    def _stepped(self, feed: str, row: dict[str, Any]) -> dict[str, Any] | None:
        luck = self._chance.random()
        if feed == "fx_rates":
            if luck < 0.1 and row["currency_code"] == "USD":
                return {**row, "units_per_base": round(row["units_per_base"] * Decimal("1.01"), 6)}
            return row
        if feed == "customers":
            other = self._chance.choice(self.now[feed])
            moved = {name: other.get(name) for name in ATTRIBUTES if name in row}
            return {**row, **moved} if luck < 0.2 else row
        if luck < 0.03:
            return None
        return self._corrected(row) if luck < 0.1 else row

    def _corrected(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row with one of its amounts or days corrected."""
        names = [
            name
            for name, value in row.items()
            if isinstance(value, Decimal | date) and not name.startswith(FIXED)
        ]
        if not names:
            return row
        name = self._chance.choice(names)
        value = row[name]
        later = timedelta(days=self._chance.randint(1, 20))
        return {**row, name: value + later if isinstance(value, date) else value + 1}


def feeds(sequences: Sequences, publication: int) -> Feeds:
    """All companies as they are delivered for a publication, 1 or 2."""
    made = hand_made(publication)
    return {
        feed: [*sequences.now.get(feed, []), *made.get(feed, [])]
        for feed in {*sequences.now, *made}
        if sequences.now.get(feed) or made.get(feed)
    }


def hand_made(publication: int) -> Rows:
    """One company for each cause, as known at the first or at the second publication.

    `X0` does not change. The others change as their names say; each also has a change that does not
    concern April 2024, or another customer's figures.
    """
    after = publication == 2
    rows: Rows = {
        "entities": [{"entity_code": code, "entity_name": code} for code in CASES],
        "invoices": [],
        "receipts": [],
        "disputes": [],
        "fx_rates": [],
    }
    for code in CASES:
        currency = "CHF" if code == "X5" else "EUR"
        for customer in ("K1", "K2"):
            for number, day in enumerate((date(2023, 3, 20), date(2024, 2, 1), date(2024, 3, 4))):
                rows["invoices"].append(
                    _invoice(code, f"{customer}-{number}", customer, day, currency_code=currency)
                )
    invoices = {(row["entity_code"], row["invoice_number"]): row for row in rows["invoices"]}
    if after:
        # X1: an invoice of March comes late, and one of May.
        rows["invoices"].append(_invoice("X1", "LATE", "K1", date(2024, 3, 15)))
        rows["invoices"].append(_invoice("X1", "MAY", "K1", date(2024, 5, 10)))
        # X2: a receipt of April is entered later; another one is of the other customer.
        rows["receipts"].append(_receipt("X2", "BACK", "K1", date(2024, 4, 10), "K1-1"))
        rows["receipts"].append(_receipt("X2", "MAY", "K1", date(2024, 5, 3), "K1-2"))
        rows["receipts"].append(_receipt("X2", "OTHER", "K2", date(2024, 4, 11), "K2-1"))
        # X3: a due date is corrected, and a dispute is noted, which is no matter of ageing.
        invoices["X3", "K1-1"]["due_date"] = date(2024, 5, 20)
        rows["disputes"].append(
            {
                "entity_code": "X3",
                "dispute_id": "NOTED",
                "invoice_number": "K1-2",
                "opened_on": date(2024, 4, 2),
            }
        )
        # X4: an invoice is gone.
        rows["invoices"].remove(invoices["X4", "K1-1"])
    # X5: of two rates of the franc that are corrected, one is of May.
    for day in (date(2023, 1, 2), date(2024, 4, 25), date(2024, 5, 6)):
        corrected = after and day.year == 2024
        rows["fx_rates"].append(
            {
                "rate_date": day,
                "currency_code": "CHF",
                "units_per_base": Decimal("1.14") if corrected else Decimal("1.12"),
                "base_currency_code": "GBP",
            }
        )
    # X6: the amount of an invoice is corrected.
    if after:
        invoices["X6", "K1-2"]["gross_amount"] = Decimal("70.00")
    return rows


# The entity, with the cause, feed and key that each restated figure of customer K1 in April 2024
# has to name, and no other.
CASES: Mapping[str, tuple[str, str, str] | None] = {
    "X0": None,
    "X1": ("late_invoice", "invoices", "X1|LATE"),
    "X2": ("backdated_receipt", "receipts", "X2|BACK"),
    "X3": ("changed_due_date", "invoices", "X3|K1-1"),
    "X4": ("deleted_row", "invoices", "X4|K1-1"),
    "X5": ("changed_rate", "fx_rates", "2024-04-25|CHF|GBP"),
    "X6": ("changed_row", "invoices", "X6|K1-2"),
}


def _invoice(
    entity: str, number: str, customer: str, day: date, currency_code: str = "EUR"
) -> dict[str, Any]:
    return {
        "entity_code": entity,
        "invoice_number": number,
        "customer_code": customer,
        "issue_date": day,
        "due_date": day + timedelta(days=30),
        "gross_amount": Decimal("60.00"),
        "currency_code": currency_code,
    }


def _receipt(entity: str, key: str, customer: str, day: date, invoice: str) -> dict[str, Any]:
    return {
        "entity_code": entity,
        "receipt_id": key,
        "customer_code": customer,
        "receipt_date": day,
        "amount": Decimal("25.00"),
        "currency_code": "EUR",
        "invoice_number": invoice,
    }
