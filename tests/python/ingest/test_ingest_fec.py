"""Whatever a ledger export holds, its items add up to the customer accounts, line by line."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from encours.errors import DataError, UsageError
from encours.home import Home
from encours.ingest import ingest
from encours.lake import register
from encours.sources import load_source
from hypothesis import given, settings
from hypothesis import strategies as st

HEADER = (
    "JournalCode|JournalLib|EcritureNum|EcritureDate|CompteNum|CompteLib|CompAuxNum|CompAuxLib|"
    "PieceRef|PieceDate|EcritureLib|Debit|Credit|EcritureLet|DateLet|ValidDate|Montantdevise|Idevise"
)
FIRST_DAY = date(2024, 1, 1)
OTHERS = ("512000", "707000", "445710", "654000", "658000", "665000", "467000", "401000", "758000")

Posting = tuple[str, str, int, str]
"""Account, customer, cents, letter."""

customer_posting = st.tuples(
    st.sampled_from(("411000", "411000", "413000", "416000", "419100")),
    st.sampled_from(("C1", "C2")),
    st.integers(-30, 30).filter(bool).map(lambda cents: cents * 50),
    st.sampled_from(("", "", "A", "B")),
)
other_posting = st.tuples(
    st.sampled_from(OTHERS),
    st.just(""),
    st.integers(-30, 30).filter(bool).map(lambda cents: cents * 50),
    st.just(""),
)


@st.composite
def entries(draw: st.DrawFn) -> tuple[int, bool, list[Posting]]:
    """A day, whether it opens the year, and lines that balance."""
    lines = draw(st.lists(customer_posting, min_size=1, max_size=3))
    lines += draw(st.lists(other_posting, max_size=2))
    rest = -sum(cents for _, _, cents, _ in lines)
    if rest:
        lines.append((draw(st.sampled_from(OTHERS)), "", rest, ""))
    return draw(st.integers(0, 100)), draw(st.integers(0, 9)) == 0, draw(st.permutations(lines))


def _fec(ledger: list[tuple[int, bool, list[Posting]]], has_numbers: bool) -> str:
    rows = [HEADER]
    for number, (offset, opens, lines) in enumerate(ledger, 1):
        day = f"{FIRST_DAY + timedelta(0 if opens else offset):%Y%m%d}"
        journal = "AN" if opens else "OD"
        for account, customer, cents, letter in lines:
            amount = f"{abs(cents) / 100:.2f}".replace(".", ",")
            both = (amount, "0,00") if cents > 0 else ("0,00", amount)
            cells = [journal, journal, str(number) if has_numbers else "0", day, account, "-"]
            cells += [customer, customer, f"P{number % 4}", day, "rejet" if cents % 100 else "x"]
            rows.append("|".join([*cells, *both, letter, "", day, "", ""]))
    return "\n".join(rows) + "\n"


def _load(folder: Path, text: str, option: str = "") -> duckdb.DuckDBPyConnection:
    (folder / "FEC.txt").write_text(text, encoding="utf-8")
    source = folder / "source.yml"
    source.write_text(
        f"name: fec\nfiles: [{{path: FEC.txt, format: fec, entity_code: E{option}}}]\n",
        encoding="utf-8",
    )
    home = Home(folder / "home")
    ingest(home, [load_source(source)], None, datetime(2025, 1, 1, tzinfo=UTC), lambda _: None)
    connection = duckdb.connect()
    register(connection, home)
    return connection


MOVEMENTS = """
with movements as (
    select customer_code, coalesce(opening_date, issue_date) as day,
        if(document_type = 'credit_note', -gross_amount, gross_amount) as amount
    from raw.invoices
    union all
    select customer_code, receipt_date, -amount from raw.receipts
    union all
    select customer_code, reversed_on, amount from raw.receipts where reversed_on is not null
    union all
    select invoices.customer_code,
        greatest(write_off_date, coalesce(opening_date, issue_date)), -amount
    from raw.write_offs join raw.invoices using (invoice_number)
    union all
    select invoices.customer_code,
        greatest(allocation_date, coalesce(opening_date, issue_date)), -amount
    from raw.allocations join raw.invoices using (invoice_number) where kind = 'discount'
)
select customer_code, day, sum(amount) from movements group by all having sum(amount) <> 0
"""

PER_ITEM = """
with items as (
    select invoice_number as item, gross_amount as amount from raw.invoices
    where document_type <> 'credit_note'
    union all select invoice_number, -gross_amount from raw.invoices
    where document_type = 'credit_note'
    union all select receipt_id, -amount from raw.receipts where reversed_on is null
),
used as (
    select invoice_number as item, -amount as amount from raw.allocations
    where receipt_id is null
        or receipt_id not in (select receipt_id from raw.receipts where reversed_on is not null)
    union all select coalesce(receipt_id, credit_note_number), amount from raw.allocations
    where coalesce(receipt_id, credit_note_number) is not null
        and coalesce(receipt_id, '')
            not in (select receipt_id from raw.receipts where reversed_on is not null)
    union all select invoice_number, -amount from raw.write_offs
)
select items.item, any_value(items.amount), any_value(items.amount) + coalesce(sum(used.amount), 0)
from items left join used using (item) group by items.item
"""


@settings(max_examples=40, deadline=None, derandomize=True)
@given(ledger=st.lists(entries(), min_size=1, max_size=12), has_numbers=st.booleans())
def test_items_add_up_to_the_customer_accounts_on_every_day(
    ledger: list[tuple[int, bool, list[Posting]]], has_numbers: bool
) -> None:
    expected: dict[tuple[str, date], Decimal] = defaultdict(Decimal)
    for offset, opens, lines in ledger:
        for account, customer, cents, _ in lines:
            if account.startswith("41"):
                day = FIRST_DAY + timedelta(0 if opens else offset)
                expected[customer, day] += Decimal(cents) / 100
    with TemporaryDirectory() as folder, _load(Path(folder), _fec(ledger, has_numbers)) as loaded:
        found = {(row[0], row[1]): row[2] for row in loaded.execute(MOVEMENTS).fetchall()}
        left = loaded.execute(PER_ITEM).fetchall()
    # Transfers within a customer move nothing; entries without numbers may hide them in a day.
    assert found == {key: amount for key, amount in expected.items() if amount}
    for item, amount, rest in left:
        assert abs(rest) <= abs(amount), item
        assert rest * amount >= 0, item


LAST_DAY = FIRST_DAY + timedelta(300)
COUNTERS = {"receipt": "512000", "credit_note": "707000", "discount": "665000", "loss": "654000"}


@dataclass
class Credit:
    """What settles an invoice, in whole or in part."""

    kind: str
    day: int
    cents: int
    letter_after: int | None
    bounces_after: int | None
    remainder: int


credits_drawn = st.builds(
    Credit,
    kind=st.sampled_from(("receipt", "receipt", "receipt", "credit_note", "discount", "loss")),
    day=st.integers(0, 120),
    cents=st.integers(1, 900),
    letter_after=st.none() | st.integers(0, 40),
    bounces_after=st.none() | st.integers(1, 40),
    remainder=st.just(0) | st.integers(901, 999),
)
invoices_drawn = st.lists(
    st.tuples(
        st.integers(0, 120),
        st.integers(0, 2000),
        st.lists(credits_drawn, max_size=5, unique_by=lambda credit: credit.cents),
    ),
    min_size=1,
    max_size=25,
)
Invoice = tuple[int, int, list[Credit]]
Movement = tuple[str, str, str, date, Decimal]


@dataclass
class Ledger:
    """Invoices with what settles each, as lines of a FEC and as the movements they stand for."""

    rows: list[str] = field(default_factory=lambda: [HEADER])
    movements: list[Movement] = field(default_factory=list)
    entries: int = 0

    def book(
        self, day: date, piece: str, counter: str, lines: list[tuple[int, str, date | None]]
    ) -> None:
        """An entry with lines on the customer: cents, letter and its day."""
        self.entries += 1
        rest = (-sum(cents for cents, _, _ in lines), "", None)
        for account, (cents, letter, letter_day) in [
            *(("411000", line) for line in lines),
            (counter, rest),
        ]:
            amount = f"{abs(cents) / 100:.2f}".replace(".", ",")
            customer = "C" if account == "411000" else ""
            cells = ["OD", "OD", str(self.entries), f"{day:%Y%m%d}", account, "-", customer]
            cells += [customer, piece, f"{day:%Y%m%d}", "x"]
            cells += [amount, ""] if cents > 0 else ["", amount]
            cells += [letter, f"{letter_day:%Y%m%d}" if letter_day else "", "", "", ""]
            self.rows.append("|".join(cells))

    def move(self, kind: str, item: str, other: str, day: date, cents: int) -> None:
        """Expect a movement."""
        self.movements.append((kind, item, other, day, Decimal(cents) / 100))


def _ledger(invoices: list[Invoice]) -> Ledger:
    ledger = Ledger()
    ledger.book(LAST_DAY, "last", "707000", [(100, "", None)])
    ledger.move("issue", "last", "", LAST_DAY, 100)
    for place, (offset, open_cents, settled) in enumerate(invoices):
        issued = FIRST_DAY + timedelta(offset)
        number, letter = f"F{place}", f"L{place}"
        total = open_cents + sum(credit.cents for credit in settled) + 1
        ledger.book(issued, number, "707000", [(total, letter, None)])
        ledger.move("issue", number, "", issued, total)
        for part, credit in enumerate(settled):
            _settle(ledger, number, letter, issued, f"{credit.kind}{place}-{part}", credit)
    return ledger


def _settle(
    ledger: Ledger, number: str, letter: str, issued: date, piece: str, credit: Credit
) -> None:
    day = FIRST_DAY + timedelta(credit.day)
    if credit.kind in ("discount", "loss"):
        day = max(day, issued)
        ledger.book(day, piece, COUNTERS[credit.kind], [(-credit.cents, letter, None)])
        ledger.move(credit.kind, number, "", day, credit.cents)
        return
    after = credit.letter_after
    lettered = None if after is None else day + timedelta(after)
    settled = max(day, issued, lettered or day)
    lines = [(-credit.cents, letter, lettered)]
    is_receipt = credit.kind == "receipt"
    if is_receipt and credit.remainder:
        # More was paid than the invoice: the rest of the receipt is a line of its own.
        lines.append((-credit.remainder, f"B{piece}" if credit.bounces_after else "", None))
    total = -sum(cents for cents, _, _ in lines)
    ledger.book(day, piece, COUNTERS[credit.kind], lines)
    ledger.move("issue", piece, "", day, -total)
    if is_receipt and credit.bounces_after:
        bounced = day + timedelta(credit.bounces_after)
        back: list[tuple[int, str, date | None]] = [
            (-cents, each, None) for cents, each, _ in lines
        ]
        ledger.book(bounced, piece, COUNTERS[credit.kind], back)
        ledger.move("reversal", piece, "", bounced, total)
        # What is lettered only when it has bounced counts from the day of the entries.
        settled = settled if settled < bounced else max(day, issued)
        if settled >= bounced:
            return
    ledger.move("allocation", number, piece, settled, credit.cents)


FOUND = """
with documents as (
    select invoice_number as item, issue_date as day,
        if(document_type = 'credit_note', -gross_amount, gross_amount) as amount
    from raw.invoices
    union all
    select receipt_id, receipt_date, -amount from raw.receipts
)
select 'issue', item, '', day, amount from documents
union all
select 'reversal', receipt_id, '', reversed_on, amount from raw.receipts
where reversed_on is not null
union all
select 'loss', invoice_number, '', greatest(write_off_date, day), write_offs.amount
from raw.write_offs join documents on invoice_number = item
union all
select if(kind = 'discount', 'discount', 'allocation'), invoice_number,
    coalesce(receipt_id, credit_note_number, ''),
    greatest(allocation_date, target.day, origin.day), allocations.amount
from raw.allocations
join documents as target on invoice_number = target.item
left join documents as origin on coalesce(receipt_id, credit_note_number) = origin.item
"""


@settings(max_examples=15, deadline=None, derandomize=True)
@given(invoices=invoices_drawn)
def test_a_ledger_written_and_read_back_gives_the_same_movements(invoices: list[Invoice]) -> None:
    """Every issue, allocation, discount, loss and reversal, with its item, day and amount."""
    ledger = _ledger(invoices)
    text = "\n".join(ledger.rows) + "\n"
    with TemporaryDirectory() as folder, _load(Path(folder), text) as loaded:
        found = loaded.execute(FOUND).fetchall()
    assert sorted(found) == sorted(ledger.movements)


def test_what_is_no_amount_or_date_is_refused_with_its_line(tmp_path: Path) -> None:
    text = _fec([(0, False, [("411000", "C1", 1000, ""), ("707000", "", -1000, "")])], True)
    with pytest.raises(DataError, match=r"FEC.txt:3: '10,005' is no amount of whole cents"):
        _load(tmp_path, text.replace("0,00|10,00", "0,00|10,005"))


def test_a_file_that_is_no_ledger_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="this is no FEC"):
        _load(tmp_path, "a|b|c\n1|2|3\n")


def test_feeds_cannot_be_mapped_by_hand(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="gives its feeds by itself"):
        _load(tmp_path, HEADER, ", feeds: {invoices: {}}")
