"""Receipts matched with invoices by rule, in plain Python: day after day, as a clerk would.

Each rule goes through the days with what the books and the rules before it leave open. Amounts are
exact decimals in document currency. The result is what each pair of receipt and invoice holds, as
changes by day.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from reference.ledger import END_OF_TIME, UNKNOWN, ZERO, Feeds, Item, Ledger, balance_of

Pair = tuple[str, str, str]
"""Rule, receipt, invoice."""
Amount = tuple[str, str, Decimal]
"""Customer, currency, amount."""
Changes = dict[Pair, dict[date, Decimal]]


@dataclass(eq=False)
class Receipt:
    """A receipt that the books allocate to nothing."""

    entity_code: str
    receipt_id: str
    customer_code: str
    currency_code: str
    day: date
    reversed_on: date
    text: str
    amount: Decimal

    @property
    def order(self) -> tuple[date, str]:
        """Receipts of one day go by their identifier."""
        return self.day, self.receipt_id


@dataclass(eq=False)
class Held:
    """What a receipt holds of an invoice."""

    rule: str
    receipt: Receipt
    invoice: Item
    amount: Decimal
    since: date
    floor: Decimal = ZERO
    changes: dict[date, Decimal] = field(default_factory=dict)

    def change(self, day: date, amount: Decimal) -> None:
        """Let it hold another amount from a day on."""
        if amount != self.amount or not self.changes:
            before = sum(self.changes.values(), ZERO)
            self.changes[day] = self.changes.get(day, ZERO) + amount - before
            self.amount = amount

    def on(self, day: date) -> Decimal:
        """What it holds at the end of a day."""
        return sum((amount for since, amount in self.changes.items() if since <= day), ZERO)


class Matcher:
    """Matches the receipts of one entity; `rules` are those of its source."""

    def __init__(self, feeds: Feeds, rules: Iterable[str]) -> None:
        self.rules = set(rules)
        ledger = Ledger(feeds, END_OF_TIME)
        self.invoices = [item for item in ledger.items if item.side == "debit"]
        self.receipts = sorted(_matchable(feeds), key=lambda receipt: receipt.order)
        days = {movement.day for item in ledger.items for movement in item.movements}
        days |= {receipt.reversed_on for receipt in self.receipts} - {END_OF_TIME}
        self.days = sorted(days)
        self.held: list[Held] = []
        self.ambiguous: set[tuple[str, str]] = set()
        self._booked = {
            item: {day: balance_of(item, day) for day in self.days} for item in self.invoices
        }
        if "reference" in self.rules:
            self._by_reference()
        if "exact_amount" in self.rules:
            self._by_amount()
        if "oldest_first" in self.rules:
            self._by_age()

    def changes(self) -> Changes:
        """What every pair holds, as changes by day."""
        found: Changes = defaultdict(lambda: defaultdict(Decimal))
        for held in self.held:
            key = held.rule, held.receipt.receipt_id, held.invoice.document_number
            for day, amount in held.changes.items():
                found[key][day] += amount
        return {
            key: moved
            for key, days in found.items()
            if (moved := {day: amount for day, amount in days.items() if amount})
        }

    def lowest_booked(self, document_number: str) -> Decimal:
        """The least that the books leave open of an invoice on any day."""
        return min(
            min(balances.values())
            for invoice, balances in self._booked.items()
            if invoice.document_number == document_number
        )

    def _open(self, invoice: Item, day: date) -> Decimal:
        """What the books and the matches so far leave open at the end of a day."""
        taken = sum((held.on(day) for held in self.held if held.invoice is invoice), ZERO)
        return self._booked[invoice][day] - taken

    def _by_reference(self) -> None:
        claims: list[tuple[date, Receipt, Item, Decimal]] = []
        for receipt in self.receipts:
            named, is_ambiguous = named_invoices(receipt, self.invoices)
            if is_ambiguous:
                self.ambiguous.add((receipt.receipt_id, "reference"))
            money = receipt.amount
            dated = [(max(receipt.day, invoice.booking_date), invoice) for invoice in named]
            for day, invoice in sorted(dated, key=lambda pair: (pair[0], *_by_due_date(pair[1]))):
                if day < receipt.reversed_on and self._booked[invoice][day] > 0:
                    claim = min(money, self._booked[invoice][day])
                    money -= claim
                    if claim:
                        claims.append((day, receipt, invoice, claim))
        claims.sort(key=lambda claim: (claim[0], claim[1].order))
        for invoice in self.invoices:
            queue: list[tuple[Receipt, Decimal, Held]] = []
            for day in self.days:
                booked = self._booked[invoice][day]
                for receipt, _, held in queue:
                    if receipt.reversed_on <= day:
                        held.change(day, ZERO)
                    else:
                        held.change(day, min(held.amount, max(ZERO, booked - held.floor)))
                for since, receipt, claimed, claim in claims:
                    if since == day and claimed is invoice:
                        floor = sum((s for r, s, _ in queue if r.reversed_on > day), ZERO)
                        held = Held("reference", receipt, invoice, ZERO, day, floor)
                        served = min(claim, max(ZERO, booked - floor))
                        held.change(day, served)
                        queue.append((receipt, served, held))
            self.held += [held for _, _, held in queue]

    def _money(self, receipt: Receipt) -> tuple[Decimal, date]:
        """What a receipt has left on its day, and the day a reference needs the rest."""
        own = [held for held in self.held if held.receipt is receipt and any(held.changes.values())]
        left = receipt.amount - sum((held.changes.get(receipt.day, ZERO) for held in own), ZERO)
        later = [held.since for held in own if held.since > receipt.day]
        return left, min(later, default=END_OF_TIME)

    def _by_amount(self) -> None:
        groups: dict[Amount, list[tuple[Receipt, date]]] = defaultdict(list)
        for receipt in self.receipts:
            left, needed_on = self._money(receipt)
            if left > 0:
                key = receipt.customer_code, receipt.currency_code, left
                groups[key].append((receipt, needed_on))
        openings = self._openings(set(groups))
        for key, group in groups.items():
            _offer([receipt for receipt, _ in group], openings[key])
        everything = [opening for group in openings.values() for opening in group]
        for opening in everything:
            opening.is_doubtful = any(
                other.invoice is opening.invoice
                and other.closings == opening.closings
                and other.since < opening.since
                and other.offered_to is not None
                for other in everything
            )
        found: list[tuple[Held, date]] = []
        for key, group in groups.items():
            found += self._one_amount(key[2], group, openings[key])
        for held, ends_on in found:
            most = held.amount
            for day in self.days:
                if day > held.since:
                    is_over = day >= min(held.receipt.reversed_on, ends_on)
                    left = ZERO if is_over else self._open(held.invoice, day)
                    most = min(most, max(ZERO, left))
                    held.change(day, most)
        self.held += [held for held, _ in found]

    def _openings(self, amounts: set[Amount]) -> dict[Amount, list[Opening]]:
        """The times in which an invoice has a balance that some receipt brings."""
        openings: dict[Amount, list[Opening]] = defaultdict(list)
        for invoice in self.invoices:
            days = [day for day in self.days if day >= invoice.booking_date]
            balances = [(day, self._open(invoice, day)) for day in days]
            changes = [
                (day, balance)
                for place, (day, balance) in enumerate(balances)
                if place == 0 or balance != balances[place - 1][1]
            ]
            closings = 0
            for place, (day, balance) in enumerate(changes):
                closings += balance <= 0
                until = changes[place + 1][0] if place + 1 < len(changes) else END_OF_TIME
                key = invoice.customer_code, invoice.currency_code, balance
                if balance > 0 and key in amounts:
                    openings[key].append(Opening(invoice, day, closings, until))
        return openings

    def _one_amount(
        self, amount: Decimal, group: list[tuple[Receipt, date]], openings: list[Opening]
    ) -> list[tuple[Held, date]]:
        """Match the receipts of one amount, each match with the last day that it may end on."""
        found = []
        taken: dict[Opening, date] = {}
        is_doubtful = False
        for day in self.days:
            for opening in openings:
                if opening.since == day:
                    others = (o for o in openings if o.since < day < o.until)
                    is_doubtful = is_doubtful and any(others)
            for receipt, needed_on in group:
                if receipt.day != day or receipt.reversed_on < END_OF_TIME:
                    continue
                offered = [opening for opening in openings if opening.offered_to is receipt]
                if len(offered) > 1 or any(opening.is_doubtful for opening in offered):
                    is_doubtful = True
                if is_doubtful and any(o.since <= day < o.until for o in openings):
                    self.ambiguous.add((receipt.receipt_id, "exact_amount"))
                elif offered:
                    taken[offered[0]] = day
                    held = Held("exact_amount", receipt, offered[0].invoice, ZERO, day)
                    held.change(day, amount)
                    found.append((held, needed_on))
        bouncing = [pair for pair in group if pair[0].reversed_on < END_OF_TIME]
        for place, (receipt, needed_on) in enumerate(bouncing):
            choices = [
                opening
                for opening in openings
                if opening.since <= receipt.day < opening.until
                and not taken.get(opening, END_OF_TIME) <= receipt.day
            ]
            if not choices:
                continue
            is_second = any(other.reversed_on > receipt.day for other, _ in bouncing[:place])
            if len(choices) > 1 or choices[0].is_doubtful or is_second:
                self.ambiguous.add((receipt.receipt_id, "exact_amount"))
                continue
            held = Held("exact_amount", receipt, choices[0].invoice, ZERO, receipt.day)
            held.change(receipt.day, amount)
            taken_on = taken.get(choices[0], END_OF_TIME)
            found.append((held, min(needed_on, choices[0].until, taken_on)))
        return found

    def _by_age(self) -> None:
        accounts = {(invoice.customer_code, invoice.currency_code) for invoice in self.invoices}
        found: list[Held] = []
        for customer_code, currency_code in sorted(accounts):
            receipts = [
                (receipt, *self._money(receipt))
                for receipt in self.receipts
                if (receipt.customer_code, receipt.currency_code) == (customer_code, currency_code)
            ]
            receipts = [each for each in receipts if each[1] > 0]
            available: dict[Item, tuple[date, Decimal]] = {}
            for invoice in self.invoices:
                if (invoice.customer_code, invoice.currency_code) != (customer_code, currency_code):
                    continue
                days = [day for day in self.days if day >= invoice.booking_date]
                left = self._open(invoice, days[-1])
                if left > 0:
                    low = [day for day in days if self._open(invoice, day) < left]
                    since = min((d for d in days if not low or d > low[-1]), default=days[0])
                    available[invoice] = since, left
            found += self._queue(receipts, available)
        self.held += found

    def _queue(
        self,
        receipts: list[tuple[Receipt, Decimal, date]],
        available: Mapping[Item, tuple[date, Decimal]],
    ) -> list[Held]:
        found = []
        queue: list[list[object]] = []
        queued: set[Item] = set()
        standing = [each[0] for each in receipts if each[0].reversed_on == END_OF_TIME]
        bouncing = [each[0] for each in receipts if each[0].reversed_on < END_OF_TIME]
        # Of one day, receipts that will bounce come after the others.
        order = sorted(receipts, key=lambda e: (e[0].day, e[0] in bouncing, e[0].receipt_id))
        for receipt, brought, needed_on in order:
            money = brought
            arrived = [
                invoice
                for invoice, (since, _) in available.items()
                if since <= receipt.day and invoice not in queued
            ]
            for invoice in sorted(arrived, key=_by_due_date):
                queue.append([invoice, available[invoice][1]])
                queued.add(invoice)
            end = min(receipt.reversed_on, needed_on)
            will_bounce = receipt in bouncing
            if will_bounce:
                end = min([end, *(other.day for other in standing if other.day > receipt.day)])
                earlier = bouncing[: bouncing.index(receipt)]
                if any(other.reversed_on > receipt.day for other in earlier):
                    continue
            for entry in queue:
                invoice, left = entry
                assert isinstance(invoice, Item)
                assert isinstance(left, Decimal)
                part = min(left, money)
                if not part:
                    continue
                money -= part
                if not will_bounce:
                    entry[1] = left - part
                held = Held("oldest_first", receipt, invoice, ZERO, receipt.day)
                held.change(receipt.day, part)
                if end < END_OF_TIME:
                    held.change(end, ZERO)
                found.append(held)
        return found


@dataclass(eq=False)
class Opening:
    """A time in which an invoice has one balance."""

    invoice: Item
    since: date
    closings: int
    until: date = END_OF_TIME
    offered_to: Receipt | None = None
    is_doubtful: bool = False


def _offer(receipts: Iterable[Receipt], openings: Iterable[Opening]) -> None:
    """Offer each opening to the first receipt that comes while it lasts, and does not bounce."""
    for receipt in receipts:
        for opening in openings:
            is_open = opening.since <= receipt.day < opening.until
            if is_open and opening.offered_to is None and receipt.reversed_on == END_OF_TIME:
                opening.offered_to = receipt


def _by_due_date(invoice: Item) -> tuple[date, str]:
    return invoice.due_date or END_OF_TIME, invoice.document_number


def _matchable(feeds: Feeds) -> Iterable[Receipt]:
    booked = {
        (row["entity_code"], row["receipt_id"])
        for row in feeds.get("allocations", [])
        if row.get("receipt_id") and row.get("kind") in (None, "receipt")
    }
    for row in feeds.get("receipts", []):
        reversed_on = row.get("reversed_on") or END_OF_TIME
        if (
            row.get("invoice_number") is None
            and (row["entity_code"], row["receipt_id"]) not in booked
            and row["amount"] > 0
            and reversed_on > row["receipt_date"]
        ):
            yield Receipt(
                row["entity_code"],
                row["receipt_id"],
                row["customer_code"],
                row["currency_code"],
                row["receipt_date"],
                reversed_on,
                row.get("reference") or "",
                row["amount"],
            )


def named_invoices(receipt: Receipt, invoices: Iterable[Item]) -> tuple[list[Item], bool]:
    """The invoices whose numbers stand in the text of a receipt, and whether some are unclear."""
    hits: list[tuple[int, int, str, Item]] = []
    text = receipt.text.upper()
    for invoice in invoices:
        if invoice.currency_code != receipt.currency_code:
            continue
        if receipt.customer_code not in (invoice.customer_code, UNKNOWN):
            continue
        number = re.sub("[^0-9A-Z]", "", invoice.document_number.upper())
        parts = len(re.findall("[0-9A-Z]+", invoice.document_number.upper()))
        core = number.lstrip("0")
        if len(number) < 3 or not re.search("[1-9]", number):
            continue
        # Anything but letters and digits may stand between the characters of a number.
        body = "[^0-9A-Z]*".join(map(re.escape, core))
        check = "(?:RF[^0-9A-Z]*[0-9][^0-9A-Z]*[0-9][^0-9A-Z]*)?"
        pattern = f"(?<![0-9A-Z])({check})((?:0[^0-9A-Z]*)*{body})(?![0-9A-Z])"
        for start in range(len(text)):
            match = re.compile(pattern).match(text, start)
            if match is None:
                continue
            written = re.sub("[^0-9A-Z]", "", match[2])
            words = len(re.findall("[0-9A-Z]+", match[0]))
            is_one = words in (1, parts) or bool(match[1])
            if words > 4 or len(written) < 3:
                continue
            if is_one or re.search("[A-Z]", core):
                kind = "alike" if written == number else "other"
                hits.append((match.start(), match.end(), kind, invoice))
    longest = [
        hit
        for hit in hits
        if not any(
            o[0] <= hit[0] and hit[1] <= o[1] and o[1] - o[0] > hit[1] - hit[0] for o in hits
        )
    ]
    named: list[Item] = []
    is_ambiguous = False
    for place in {hit[:2] for hit in longest}:
        fitting = [hit for hit in longest if hit[:2] == place]
        alike = [hit for hit in fitting if hit[2] == "alike"]
        chosen = fitting if len(fitting) == 1 else alike
        if len(chosen) == 1:
            named.append(chosen[0][3])
        else:
            is_ambiguous = True
    return [invoice for invoice in invoices if invoice in named], is_ambiguous
