"""Which payment settles which invoice: the letter groups of a FEC, one at a time (ADR 0017)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

DOCUMENTS = ("invoice", "debit_note", "opening")
CREDIT_DOCUMENTS = ("credit_note", "opening_credit")
LOSSES = ("loss", "discount")
TAKEN_BACK = "discount_back"
NO_DAY = date(1, 1, 1)


@dataclass
class Piece:
    """An item, or a part of one line of the ledger, in a letter group; `left` in cents."""

    number: int
    kind: str
    day: date
    left: int
    letter_day: date | None
    customer: str
    amount: int = 0
    reversed_on: date | None = None
    lives: list[tuple[date, date, int]] = field(default_factory=list)
    """From when to when a part of it was settled."""

    def __post_init__(self) -> None:
        self.amount = self.left


@dataclass(frozen=True)
class Match:
    """A part of a credit set against a document; `amount` in cents, negative for a refund."""

    origin: int
    target: int
    amount: int
    day: date | None


@dataclass
class Matches:
    """What the letter groups say."""

    matches: list[Match] = field(default_factory=list)
    reversals: list[tuple[int, int, date]] = field(default_factory=list)
    """Receipt, the line that undoes it, and the day."""
    taken_back: list[tuple[int, int, int]] = field(default_factory=list)
    """Discount, the line that takes it back, and the receipt that bounced with it."""
    losses_left: list[tuple[int, int]] = field(default_factory=list)


class Groups:
    """Sets of nodes that hang together (union-find)."""

    def __init__(self) -> None:
        self.parent: dict[int, int] = {}

    def root(self, node: int) -> int:
        """The node that stands for the set."""
        path = []
        while (up := self.parent.get(node, node)) != node:
            path.append(node)
            node = up
        for passed in path:
            self.parent[passed] = node
        return node

    def join(self, first: int, second: int) -> None:
        """Make one set of two."""
        low, high = sorted((self.root(first), self.root(second)))
        if low != high:
            self.parent[high] = low
            self.parent.setdefault(low, low)


@dataclass(frozen=True)
class Line:
    """A line on a customer account: an open one of a year, or one of the next year's opening."""

    item: int
    customer: str
    amount: int
    piece: str | None
    piece_day: date | None
    node: int
    letter_day: date | None
    is_lettered: bool
    file: int
    line: int


@dataclass
class Origins:
    """What the openings of later years repeat: the item that was booked first."""

    groups: Groups
    of_item: dict[int, int] = field(default_factory=dict)
    letter_days: dict[int, date] = field(default_factory=dict)
    """The first letter day that a repeat of an item has."""

    def join(self, repeat: Line, origin: Line) -> None:
        """Say that an opening line repeats a line of the year before."""
        self.groups.join(repeat.node, origin.node)
        first = self.of_item.get(origin.item, origin.item)
        self.of_item[repeat.item] = first
        if repeat.letter_day:
            self.letter_days.setdefault(first, repeat.letter_day)


def repeats(opening: Iterable[Line], open_lines: Iterable[Line], origins: Origins) -> list[Line]:
    """Find in the year before what each line of an opening repeats, and join their nodes.

    Returns:
        The lettered opening lines whose item is not found: what settles them stays unallocated.
    """
    rest = list(opening)
    lines = list(open_lines)
    used: set[int] = set()
    for key in (
        lambda item: (item.customer, item.amount, item.piece, item.piece_day),
        lambda item: (item.customer, item.amount, item.piece),
        lambda item: (item.customer, item.amount, item.piece_day),
        lambda item: (item.customer, item.amount),
    ):
        found: dict[object, list[int]] = defaultdict(list)
        for index in reversed(range(len(lines))):
            if index not in used:
                found[key(lines[index])].append(index)
        unmatched = []
        for item in rest:
            candidates = found.get(key(item))
            if candidates:
                index = candidates.pop()
                used.add(index)
                origins.join(item, lines[index])
            else:
                unmatched.append(item)
        rest = unmatched
    return list(
        _of_totals(
            rest, [line for index, line in enumerate(lines) if index not in used], origins.groups
        )
    )


def _of_totals(rest: list[Line], lines: list[Line], groups: Groups) -> Iterator[Line]:
    """An opening line that sums up a letter group, or all that a customer owes."""
    of_customer: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        of_customer[line.customer].append(line)
    openings: dict[str, list[Line]] = defaultdict(list)
    for item in rest:
        openings[item.customer].append(item)
    for customer, items in openings.items():
        candidates = of_customer[customer]
        for item in items:
            sums: dict[int, int] = defaultdict(int)
            for line in candidates:
                sums[line.node] += line.amount
            same = [node for node, total in sums.items() if total == item.amount]
            if len(same) == 1:
                groups.join(item.node, same[0])
                candidates = [line for line in candidates if line.node != same[0]]
            elif len(items) == 1 and sum(sums.values()) == item.amount and item.is_lettered:
                for node in sums:
                    groups.join(item.node, node)
            elif item.is_lettered:
                yield item


def settle(
    group: list[Piece],
    known: Mapping[int, tuple[int, date]],
    undoing: Collection[int],
    last_day: date,
    found: Matches,
) -> None:
    """Set the credits of one letter group against its documents.

    Args:
        group: Its pieces, in the order of day and line.
        known: Receipts that bounced, with the line that undoes each and its day.
        undoing: Those lines.
        last_day: Last day of the ledger; a letter of a later day counts on it.
        found: Gets the matches, reversals and what is left of losses.
    """
    receipts = [piece for piece in group if piece.kind == "receipt"]
    refunds = [piece for piece in group if piece.kind == "refund"]
    refunds = [refund for refund in refunds if refund.number not in undoing]
    for receipt in receipts:
        if receipt.number in known:
            receipt.reversed_on = known[receipt.number][1]
    for refund in list(refunds):
        candidates = [
            receipt
            for receipt in receipts
            if receipt.reversed_on is None
            and receipt.left == refund.left
            and receipt.customer == refund.customer
            and receipt.day <= refund.day
        ]
        if candidates:
            receipt = candidates[-1]
            receipt.reversed_on = refund.day
            found.reversals.append((receipt.number, refund.number, refund.day))
            refunds.remove(refund)
    lapsed = _take_back_discounts(group, receipts, found)
    documents = [piece for piece in group if piece.kind in DOCUMENTS]
    owing = [
        piece
        for piece in group
        if piece.kind in ("receipt", "od", *CREDIT_DOCUMENTS, *LOSSES) and not piece.reversed_on
    ]
    _settle_standing(documents, owing, last_day, found)
    for credit in [*receipts, *lapsed]:
        if credit.reversed_on:
            _settle_bounced(credit, credit.reversed_on, documents, last_day, found)
    _settle_refunds(refunds, documents, owing, found)
    found.losses_left += [
        (piece.number, piece.left) for piece in owing if piece.kind in LOSSES and piece.left
    ]


def _take_back_discounts(group: list[Piece], receipts: list[Piece], found: Matches) -> list[Piece]:
    """The discounts that lapse with a receipt; what takes back no such one is a debit note."""
    lapsed: list[Piece] = []
    for undoing in group:
        if undoing.kind != TAKEN_BACK:
            continue
        bounced = [receipt for receipt in receipts if receipt.reversed_on == undoing.day]
        candidates = [
            discount
            for discount in group
            if discount.kind == "discount"
            and discount.reversed_on is None
            and discount.left == undoing.left
            and discount.customer == undoing.customer
            and discount.day <= undoing.day
        ]
        if bounced and candidates:
            candidates[-1].reversed_on = undoing.day
            lapsed.append(candidates[-1])
            found.taken_back.append((candidates[-1].number, undoing.number, bounced[-1].number))
        else:
            undoing.kind = "debit_note"
    return lapsed


def _settle_standing(
    documents: list[Piece], owing: list[Piece], last_day: date, found: Matches
) -> None:
    """First losses, then what pays one document to the cent, then oldest first."""
    for loss in owing:
        if loss.kind in LOSSES:
            # A loss lowers a balance on the day it is booked, so its document is there by then.
            for document in documents:
                if loss.left and document.left and document.day <= loss.day:
                    _match(loss, document, last_day, found)
    owing = [credit for credit in owing if credit.kind not in LOSSES]
    by_amount: dict[int, list[Piece]] = defaultdict(list)
    for document in reversed(documents):
        if document.left:
            by_amount[document.left].append(document)
    for credit in owing:
        if by_amount.get(credit.left):
            _match(credit, by_amount[credit.left].pop(), last_day, found)
    waiting = [document for document in reversed(documents) if document.left]
    for credit in owing:
        while credit.left and waiting:
            _match(credit, waiting[-1], last_day, found)
            if not waiting[-1].left:
                waiting.pop()


def _match(credit: Piece, document: Piece, last_day: date, found: Matches) -> None:
    amount = min(credit.left, document.left)
    credit.left -= amount
    document.left -= amount
    day = _letter_day(credit, document, last_day)
    start = max(day or NO_DAY, credit.day, document.day)
    document.lives.append((start, date.max, amount))
    found.matches.append(Match(credit.number, document.number, amount, day))


def _settle_bounced(
    credit: Piece, reversed_on: date, documents: list[Piece], last_day: date, found: Matches
) -> None:
    """What bounced paid what nothing else paid until then."""
    for document in documents:
        day = _letter_day(credit, document, last_day)
        if day and day >= reversed_on:
            day = None
        start = max(day or NO_DAY, credit.day, document.day)
        if not credit.left or start >= reversed_on:
            continue
        paid = sum(
            amount for begin, end, amount in document.lives if begin < reversed_on and start < end
        )
        amount = min(credit.left, document.amount - paid)
        if amount <= 0:
            continue
        credit.left -= amount
        document.lives.append((start, reversed_on, amount))
        found.matches.append(Match(credit.number, document.number, amount, day))


def _settle_refunds(
    refunds: list[Piece], documents: list[Piece], owing: list[Piece], found: Matches
) -> None:
    """Money given back closes a credit note, or by way of a document what was paid too much."""
    for refund in refunds:
        for credit in owing:
            amount = min(credit.left, refund.left)
            if not amount or credit.kind in LOSSES:
                continue
            day = max(credit.day, refund.day)
            if credit.kind in CREDIT_DOCUMENTS:
                found.matches.append(Match(refund.number, credit.number, -amount, day))
            elif documents:
                target = documents[0].number
                found.matches.append(Match(credit.number, target, amount, day))
                found.matches.append(Match(refund.number, target, -amount, day))
            else:
                continue
            credit.left -= amount
            refund.left -= amount


def _letter_day(first: Piece, second: Piece, last_day: date) -> date | None:
    days = [piece.letter_day for piece in (first, second) if piece.letter_day]
    return min(max(days), last_day) if days else None
