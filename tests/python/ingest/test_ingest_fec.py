"""Whatever a ledger export holds, its items add up to the customer accounts, line by line."""

from collections import defaultdict
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
