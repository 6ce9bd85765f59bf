"""Receipts without allocation, matched by rule: examples, and random ledgers against the reference.

Every ledger is an entity of its own, and every set of rules a source. The examples and some of the
random ledgers go through a run, with all its tests of the data; more through the models that match.
`ENCOURS_LEDGERS` (number of random ledgers) and `ENCOURS_SEED` widen the search.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from encours import lake, runs
from encours.home import Home
from encours.ingest import ingest
from encours.sources import load_source
from reference.companies import text_of
from reference.matching import Changes, Matcher
from support import EXAMPLES as EXAMPLES_FOLDER
from support import PROJECT, Feeds, run_encours, write_feeds

pytestmark = pytest.mark.slow

COUNT = int(os.environ.get("ENCOURS_LEDGERS", "600"))
PUBLISHED = 21
SEED = int(os.environ.get("ENCOURS_SEED", "0"))
AS_OF = date(2026, 6, 30)
FIRST_DAY = date(2026, 1, 1)
RULE_SETS = [
    ("reference",),
    ("exact_amount",),
    ("oldest_first",),
    ("reference", "exact_amount"),
    ("reference", "oldest_first"),
    ("exact_amount", "oldest_first"),
    ("reference", "exact_amount", "oldest_first"),
]
ALL = RULE_SETS[-1]

Allocation = tuple[str, str, str, str, Decimal, date, date | None]
"""Entity, rule, receipt, invoice, amount, first day, day of its undoing."""


# Ledgers by hand


def invoice(
    number: str, day: str, amount: str, customer: str = "C1", **other: Any
) -> dict[str, Any]:
    """An invoice, due 30 days after its issue unless said otherwise."""
    issue_date = date.fromisoformat(f"2026-{day}")
    return {
        "invoice_number": number,
        "customer_code": customer,
        "issue_date": issue_date,
        "due_date": issue_date + timedelta(days=30),
        "gross_amount": Decimal(amount),
        "currency_code": "EUR",
        **other,
    }


def receipt(
    receipt_id: str, day: str, amount: str, text: str = "", customer: str = "C1", **other: Any
) -> dict[str, Any]:
    """A receipt that names no invoice but in its text."""
    return {
        "receipt_id": receipt_id,
        "customer_code": customer,
        "receipt_date": date.fromisoformat(f"2026-{day}"),
        "amount": Decimal(amount),
        "currency_code": "EUR",
        "reference": text or None,
        **other,
    }


def on(day: str) -> date:
    """A day of the year of the examples."""
    return date.fromisoformat(f"2026-{day}")


# By name: rules, feeds, and what is expected: rule, receipt, invoice, amount, day, day of undoing.
EXAMPLES: dict[
    str, tuple[tuple[str, ...], dict[str, list[dict[str, Any]]], list[tuple[Any, ...]]]
] = {
    "number_between_other_digits": (
        ("reference",),
        {
            "invoices": [invoice("12345", "01-05", "100"), invoice("2345", "01-06", "70")],
            "receipts": [receipt("R1", "02-01", "100", "VIR 20260201-12345-99 REF 912345 1234567")],
        },
        [("reference", "R1", "12345", "100", "02-01", None)],
    ),
    "leading_zeros": (
        ("reference",),
        {
            "invoices": [invoice("000815", "01-05", "100"), invoice("4711", "01-05", "50")],
            "receipts": [
                receipt("R1", "02-01", "100", "invoice 815"),
                receipt("R2", "02-02", "50", "0004711"),
            ],
        },
        [
            ("reference", "R1", "000815", "100", "02-01", None),
            ("reference", "R2", "4711", "50", "02-02", None),
        ],
    ),
    "written_with_other_signs": (
        ("reference",),
        {
            "invoices": [invoice("F-2026/001", "01-05", "100"), invoice("2026", "01-05", "40")],
            "receipts": [
                receipt("R1", "02-01", "60", "f2026001 acompte"),
                receipt("R2", "02-02", "40", "solde F 2026.001"),
            ],
        },
        # 2026 is a part of the longer number, and no number of its own.
        [
            ("reference", "R1", "F-2026/001", "60", "02-01", None),
            ("reference", "R2", "F-2026/001", "40", "02-02", None),
        ],
    ),
    "creditor_reference": (
        ("reference",),
        {
            "invoices": [invoice("F2026001", "01-05", "100")],
            "receipts": [receipt("R1", "02-01", "100", "RF12 F202 6001")],
        },
        [("reference", "R1", "F2026001", "100", "02-01", None)],
    ),
    "two_numbers_in_one_text": (
        ("reference",),
        {
            "invoices": [
                invoice("F100", "01-10", "100"),
                invoice("F200", "01-05", "200"),
                invoice("F300", "01-20", "300"),
            ],
            "receipts": [receipt("R1", "02-01", "250", "F100 + F200")],
        },
        # The one due first before the other.
        [
            ("reference", "R1", "F200", "200", "02-01", None),
            ("reference", "R1", "F100", "50", "02-01", None),
        ],
    ),
    "overpaid": (
        ("reference", "exact_amount"),
        {
            "invoices": [invoice("F100", "01-10", "100"), invoice("F200", "01-11", "20")],
            "receipts": [
                receipt("R1", "02-01", "130", "F100"),
                receipt("R2", "02-02", "10", "F100"),
            ],
        },
        [("reference", "R1", "F100", "100", "02-01", None)],
    ),
    "two_pay_one_invoice": (
        ("reference",),
        {
            "invoices": [invoice("F100", "01-10", "100")],
            "receipts": [
                receipt("R2", "02-02", "70", "F100"),
                receipt("R1", "02-02", "60", "F100"),
            ],
        },
        [
            ("reference", "R1", "F100", "60", "02-02", None),
            ("reference", "R2", "F100", "40", "02-02", None),
        ],
    ),
    "paid_before_it_is_issued": (
        ALL,
        {
            "invoices": [invoice("F100", "01-10", "100"), invoice("F200", "02-10", "100")],
            "receipts": [receipt("R1", "01-20", "100", "order of F200")],
        },
        # By amount until the invoice exists that it names.
        [
            ("exact_amount", "R1", "F100", "100", "01-20", "02-10"),
            ("reference", "R1", "F200", "100", "02-10", None),
        ],
    ),
    "unknown_payer": (
        ALL,
        {
            "invoices": [invoice("F100", "01-10", "100"), invoice("F200", "01-10", "50")],
            "receipts": [
                receipt("R1", "01-20", "100", "F100", "(unknown)"),
                receipt("R2", "01-20", "50", "no number", "(unknown)"),
            ],
        },
        [("reference", "R1", "F100", "100", "01-20", None)],
    ),
    "number_of_another_customer_or_currency": (
        ("reference",),
        {
            "invoices": [
                invoice("F100", "01-10", "100", "C2"),
                invoice("F200", "01-10", "50", currency_code="USD"),
            ],
            "receipts": [
                receipt("R1", "01-20", "100", "F100"),
                receipt("R2", "01-20", "50", "F200"),
            ],
        },
        [],
    ),
    "number_of_two": (
        ("reference",),
        {
            "invoices": [invoice("0123", "01-10", "100"), invoice("00123", "01-10", "50")],
            "receipts": [
                receipt("R1", "01-20", "100", "123"),
                receipt("R2", "01-20", "50", "00123"),
            ],
        },
        # Written alike counts before written with other zeros.
        [("reference", "R2", "00123", "50", "01-20", None)],
    ),
    "bounced_and_paid_again": (
        ("reference",),
        {
            "invoices": [invoice("F100", "01-10", "100")],
            "receipts": [
                receipt("R1", "01-20", "100", "F100", reversed_on=on("01-25")),
                receipt("R2", "01-22", "100", "F100"),
                receipt("R3", "01-25", "100", "F100"),
            ],
        },
        # The second finds nothing open, the third what the first gave back.
        [
            ("reference", "R1", "F100", "100", "01-20", "01-25"),
            ("reference", "R3", "F100", "100", "01-25", None),
        ],
    ),
    "bounced_with_its_amount": (
        ("exact_amount",),
        {
            "invoices": [invoice("F100", "01-10", "100")],
            "receipts": [
                receipt("R1", "01-20", "100", reversed_on=on("01-25")),
                receipt("R2", "02-01", "100"),
            ],
        },
        [
            ("exact_amount", "R1", "F100", "100", "01-20", "01-25"),
            ("exact_amount", "R2", "F100", "100", "02-01", None),
        ],
    ),
    "amount_of_one_after_the_other": (
        ("exact_amount",),
        {
            "invoices": [invoice(f"F{month}", f"0{month}-01", "900") for month in range(1, 5)],
            "receipts": [receipt(f"R{month}", f"0{month}-20", "900") for month in range(1, 5)],
        },
        [
            ("exact_amount", f"R{month}", f"F{month}", "900", f"0{month}-20", None)
            for month in range(1, 5)
        ],
    ),
    "amount_of_several": (
        ("exact_amount",),
        {
            "invoices": [
                invoice("F1", "01-01", "900"),
                invoice("F2", "02-01", "900"),
                invoice("F3", "02-01", "900", "C2"),
                invoice("F4", "02-01", "900", currency_code="USD"),
            ],
            "receipts": [
                receipt("R1", "02-20", "900"),
                receipt("R2", "02-21", "900"),
                receipt("R3", "02-21", "900", "", "C2"),
            ],
        },
        [("exact_amount", "R3", "F3", "900", "02-21", None)],
    ),
    "amount_left_by_the_books": (
        ("exact_amount",),
        {
            "invoices": [invoice("F1", "01-01", "900"), invoice("F2", "01-01", "100")],
            "receipts": [
                receipt("B1", "01-10", "300"),
                receipt("R1", "01-20", "600"),
                receipt("R2", "01-21", "101"),
            ],
            "allocations": [
                {
                    "allocation_id": "A1",
                    "invoice_number": "F1",
                    "receipt_id": "B1",
                    "amount": Decimal(300),
                }
            ],
        },
        [("exact_amount", "R1", "F1", "600", "01-20", None)],
    ),
    "gives_way_to_the_books": (
        ("exact_amount",),
        {
            "invoices": [
                invoice("F1", "01-01", "900"),
                invoice(
                    "N1",
                    "03-01",
                    "200",
                    document_type="credit_note",
                    applies_to_invoice_number="F1",
                ),
            ],
            "receipts": [receipt("R1", "01-20", "900")],
        },
        # 900 until the credit note, 700 from then on.
        [
            ("exact_amount", "R1", "F1", "200", "01-20", "03-01"),
            ("exact_amount", "R1", "F1", "700", "01-20", None),
        ],
    ),
    "oldest_of_three": (
        ("oldest_first",),
        {
            "invoices": [
                invoice("F1", "01-01", "100", due_date=on("03-01")),
                invoice("F2", "01-02", "100", due_date=on("02-01")),
                invoice("F3", "01-03", "100", due_date=None),
            ],
            "receipts": [receipt("R1", "01-20", "150"), receipt("R2", "01-21", "200")],
        },
        [
            ("oldest_first", "R1", "F2", "100", "01-20", None),
            ("oldest_first", "R1", "F1", "50", "01-20", None),
            ("oldest_first", "R2", "F1", "50", "01-21", None),
            ("oldest_first", "R2", "F3", "100", "01-21", None),
        ],
    ),
    "oldest_knows_no_later_invoice": (
        ("oldest_first",),
        {
            "invoices": [invoice("F1", "01-01", "100"), invoice("F2", "02-01", "100")],
            "receipts": [receipt("R1", "01-20", "150"), receipt("R2", "02-20", "70")],
        },
        [
            ("oldest_first", "R1", "F1", "100", "01-20", None),
            ("oldest_first", "R2", "F2", "70", "02-20", None),
        ],
    ),
    "no_rule": (
        (),
        {
            "invoices": [invoice("F100", "01-01", "100")],
            "receipts": [receipt("R1", "01-20", "100", "F100")],
        },
        [],
    ),
    "what_the_books_allocate_is_left_alone": (
        ALL,
        {
            "invoices": [invoice("F100", "01-01", "100"), invoice("F200", "01-01", "50")],
            "receipts": [
                receipt("R1", "01-20", "100", "F100"),
                receipt("R2", "01-20", "50", "F100", invoice_number="F200"),
                receipt("R3", "01-21", "-30", "F100"),
            ],
            "allocations": [
                {
                    "allocation_id": "A1",
                    "invoice_number": "F100",
                    "receipt_id": "R1",
                    "amount": Decimal(10),
                }
            ],
        },
        [],
    ),
}


# Random ledgers


def random_ledger(seed: int) -> dict[str, list[dict[str, Any]]]:
    """A few documents of two customers whose amounts and numbers like to coincide."""
    source = random.Random(seed)
    amounts = [Decimal(amount) for amount in source.sample(["100", "50", "25", "75.5", "120"], 3)]
    customers = source.choice([["C1"], ["C1", "C2"]])
    currencies = source.choice([["EUR"], ["EUR"], ["EUR", "USD"]])

    def day(last: int = 60) -> date:
        return FIRST_DAY + timedelta(days=source.randrange(last))

    feeds: dict[str, list[dict[str, Any]]] = {
        feed: [] for feed in ("invoices", "receipts", "allocations", "write_offs")
    }
    style = source.choice(["F{:03}", "2026-{:03}", "{:05}", "FA 26/{:02}"])
    size = source.choice([1, 1, 2])
    for number in range(1, source.randint(2, 7 * size + 1)):
        issue_date = day()
        is_credit = source.random() < 0.12
        feeds["invoices"].append(
            {
                "invoice_number": style.format(number * source.choice([1, 1, 1, 10])),
                "customer_code": source.choice(customers),
                "issue_date": issue_date,
                "due_date": source.choice([None, *[issue_date + timedelta(30)] * 3, day(90)]),
                "gross_amount": source.choice(amounts),
                "currency_code": source.choice(currencies),
                "document_type": "credit_note" if is_credit else None,
                "applies_to_invoice_number": None,
            }
        )
        if source.random() < 0.1:
            number_text = feeds["invoices"][-1]["invoice_number"]
            feeds["invoices"].append(feeds["invoices"][-1] | {"invoice_number": f"0{number_text}"})
    numbered = {row["invoice_number"]: row for row in feeds["invoices"]}
    feeds["invoices"] = list(numbered.values())
    numbers = list(numbered)
    for row in feeds["invoices"]:
        if row["document_type"] == "credit_note" and source.random() < 0.7:
            row["applies_to_invoice_number"] = source.choice(numbers)
            row["gross_amount"] = source.choice([*amounts, Decimal(5)])
    for number in range(1, source.randint(2, 8 * size + 1)):
        receipt_date = day(75)
        named = source.sample(numbers, min(len(numbers), source.choice([0, 1, 1, 1, 2, 3])))
        words = [source.choice([n, n.replace("-", " "), n.lstrip("0"), n.lower()]) for n in named]
        words += source.choice([[], ["26"], ["Rechnung vom 5.1.2026"], ["facture"]])
        source.shuffle(words)
        bounce = source.choice([None] * 4 + [1, 5, 20, 0])
        receipt_row = {
            "receipt_id": f"R{number}",
            "customer_code": source.choice([*customers * 3, "(unknown)"]),
            "receipt_date": receipt_date,
            "amount": source.choice([*amounts * 3, sum(amounts[:2]), Decimal(10), Decimal(-20)]),
            "currency_code": source.choice(currencies),
            "reference": " ; ".join(words) or None,
            "reversed_on": None if bounce is None else receipt_date + timedelta(bounce),
            "invoice_number": source.choice([None] * 9 + numbers[:1]),
        }
        feeds["receipts"].append(receipt_row)
        if source.random() < 0.2:
            feeds["allocations"].append(
                {
                    "allocation_id": f"A{number}",
                    "invoice_number": source.choice(numbers),
                    "amount": source.choice([*amounts, Decimal(10)]),
                    "allocation_date": source.choice([None, day(90)]),
                    "kind": source.choice(["receipt", "receipt", "discount"]),
                    "receipt_id": receipt_row["receipt_id"],
                }
            )
    if source.random() < 0.3:
        feeds["write_offs"].append(
            {
                "write_off_id": "W1",
                "invoice_number": source.choice(numbers),
                "write_off_date": day(100),
                "amount": source.choice([*amounts, Decimal(5)]),
            }
        )
    return feeds


Ledgers = dict[str, tuple[tuple[str, ...], dict[str, list[dict[str, Any]]]]]
"""By entity: the rules of its source, and its feeds."""


def random_ledgers(count: int) -> Ledgers:
    """Random ledgers, in turn with each set of rules."""
    return {
        f"random_{number:04}": (
            RULE_SETS[number % len(RULE_SETS)],
            random_ledger(SEED * 1_000_000 + number),
        )
        for number in range(count)
    }


def write_sources(ledgers: Ledgers, folder: Path) -> list[Path]:
    """Write the ledgers, those with the same rules as one source."""
    by_rules: dict[tuple[str, ...], Feeds] = defaultdict(lambda: defaultdict(list))
    for name, (rules, feeds) in ledgers.items():
        for feed, rows in feeds.items():
            by_rules[rules][feed] += [{**row, "entity_code": name} for row in rows]
    rate = {"rate_date": FIRST_DAY, "currency_code": "USD", "base_currency_code": "EUR"}
    by_rules[()]["fx_rates"] = [rate | {"units_per_base": Decimal(2)}]
    return [
        write_feeds(
            {feed: rows for feed, rows in feeds.items() if rows},
            folder / "_".join(("rules", *rules)),
            "_".join(("rules", *rules)),
            {"matching": list(rules)} if rules else {},
        )
        for rules, feeds in by_rules.items()
    ]


def matcher_of(ledgers: Ledgers, name: str) -> Matcher:
    """The reference of an entity."""
    rules, feeds = ledgers[name]
    named = {feed: [{**row, "entity_code": name} for row in rows] for feed, rows in feeds.items()}
    return Matcher(named, rules)


def changes_of(rows: Iterable[Allocation]) -> dict[str, Changes]:
    """By entity, what every pair of receipt and invoice holds, as changes by day."""
    found: dict[str, Changes] = defaultdict(lambda: defaultdict(lambda: defaultdict(Decimal)))
    for name, rule, receipt_id, number, amount, since, until in rows:
        found[name][rule, receipt_id, number][since] += amount
        if until is not None:
            found[name][rule, receipt_id, number][until] -= amount
    return {
        name: {
            pair: {day: amount for day, amount in days.items() if amount}
            for pair, days in pairs.items()
        }
        for name, pairs in found.items()
    }


def check(ledgers: Ledgers, rows: Iterable[Allocation]) -> int:
    """Compare allocations with the reference, and return how many pairs there are."""
    got, different, pairs = changes_of(rows), [], 0
    for name, (rules, feeds) in ledgers.items():
        want, own = matcher_of(ledgers, name).changes(), got.get(name, {})
        pairs += len(want)
        if want != own:
            only = {
                pair: (want.get(pair), own.get(pair))
                for pair in {**want, **own}
                if want.get(pair) != own.get(pair)
            }
            different.append((len(text_of(feeds)), name, rules, only))
    if different:
        _, name, rules, only = min(different, key=lambda each: each[0])
        shown = "\n".join(f"  {pair}: {both}" for pair, both in only.items())
        pytest.fail(
            f"{len(different)} ledgers differ; the smallest is {name}, {rules}, wanted and got:\n"
            f"{shown}\n{text_of(ledgers[name][1])}",
            pytrace=False,
        )
    return pairs


class Matched:
    """What one run of the examples, some random ledgers and a bank statement publishes."""

    def __init__(self, folder: Path) -> None:
        self.ledgers = {name: (rules, feeds) for name, (rules, feeds, _) in EXAMPLES.items()}
        self.ledgers |= random_ledgers(PUBLISHED)
        sources = [*write_sources(self.ledgers, folder), _bank_statement(folder / "bank")]
        self.home = folder / "home"
        run_encours("run", *sources, "--home", self.home, "--as-of", AS_OF.isoformat())
        with duckdb.connect(str(self.home / "encours.duckdb"), read_only=True) as connection:
            self.allocations: list[Allocation] = connection.execute(
                "select entity_code, matching_rule, receipt_id, invoice_number, amount, "
                "allocated_on, undone_on from audit.rule_allocations order by all"
            ).fetchall()
            self.lineage = connection.execute(
                "select entity_code, receipt_id, kind, confidence, receipt_source_name, "
                "receipt_source_file, receipt_source_row, invoice_source_file, "
                "invoice_source_row, undone_reason from audit.rule_allocations order by all"
            ).fetchall()
            self.items = connection.execute(
                "select item_key, item_type, min(open_amount), max(open_amount) "
                "from marts.fct_open_item_history group by all"
            ).fetchall()
            self.issues = connection.execute(
                "select record_key, issue_code from audit.data_issues "
                "where issue_code like 'matching_%'"
            ).fetchall()

    def of_entity(self, name: str) -> list[Allocation]:
        """The allocations of an entity."""
        return [row for row in self.allocations if row[0] == name]


def _bank_statement(folder: Path) -> Path:
    """Electronic invoices and a bank statement whose receipts are matched by their text."""
    folder.mkdir()
    for name in ("invoice_ubl.xml", "statement_camt053.xml"):
        shutil.copy(PROJECT / "tests" / "data" / "einvoices" / name, folder)
    shutil.copy(PROJECT / "tests" / "data" / "einvoices" / "factur-x.xml", folder / "cii.xml")
    text = (EXAMPLES_FOLDER / "einvoices.yml").read_text(encoding="utf-8")
    path = folder / "einvoices.yml"
    path.write_text(text.replace("files:", "matching: reference\nfiles:", 1), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def matched(tmp_path_factory: pytest.TempPathFactory) -> Matched:
    """One run."""
    return Matched(tmp_path_factory.mktemp("matching"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples(matched: Matched, name: str) -> None:
    expected = [
        (name, rule, receipt_id, number, Decimal(amount), on(since), on(until) if until else None)
        for rule, receipt_id, number, amount, since, until in EXAMPLES[name][2]
    ]
    assert sorted(matched.of_entity(name), key=str) == sorted(expected, key=str)


def test_what_is_published_is_what_the_reference_matches(matched: Matched) -> None:
    rows = [row for row in matched.allocations if row[0] in matched.ledgers]
    assert check(matched.ledgers, rows) > len(EXAMPLES)


def test_a_receipt_of_a_bank_statement_pays_the_invoice_in_its_text(matched: Matched) -> None:
    day = date(2026, 2, 20)
    receipt_id = "FR7630001007941234567890185/2026-02/2/1"
    assert matched.of_entity("123456782") == [
        ("123456782", "reference", receipt_id, "F-2026-002", Decimal(200), day, None)
    ]


def test_an_allocation_says_how_it_came_and_from_where(matched: Matched) -> None:
    of_entity = {row[:2]: row[2:] for row in matched.lineage}
    assert of_entity["creditor_reference", "R1"][:3] == ("receipt", "high", "rules_reference")
    assert of_entity["amount_of_several", "R3"][:3] == ("receipt", "medium", "rules_exact_amount")
    assert of_entity["oldest_of_three", "R2"][:3] == ("receipt", "low", "rules_oldest_first")
    assert of_entity["bounced_with_its_amount", "R1"][-1] == "receipt_reversed"
    lines = (matched.home.parent / "rules_reference" / "receipts.csv").read_text("utf-8")
    _, _, _, _, file, receipt_row, invoice_file, invoice_row, reason = next(
        row[1:] for row in matched.lineage if row[0] == "creditor_reference"
    )
    assert (file, invoice_file, reason) == ("receipts.csv", "invoices.csv", None)
    assert "RF12 F202 6001" in lines.splitlines()[receipt_row - 1]
    assert invoice_row > 1


def test_what_no_rule_decides_is_listed(matched: Matched) -> None:
    listed = set(matched.issues)
    assert ("receipt|amount_of_several|R1", "matching_ambiguous_amount") in listed
    assert ("receipt|amount_of_several|R2", "matching_ambiguous_amount") in listed
    assert ("receipt|number_of_two", "matching_ambiguous_reference") not in listed
    assert ("receipt|number_of_two|R1", "matching_ambiguous_reference") in listed
    expected = set()
    for name in matched.ledgers:
        matcher = matcher_of(matched.ledgers, name)
        decided = {held.receipt.receipt_id for held in matcher.held if held.rule != "reference"}
        expected |= {
            (f"receipt|{name}|{receipt_id}", "matching_ambiguous_" + rule.removeprefix("exact_"))
            for receipt_id, rule in matcher.ambiguous
            if receipt_id not in decided
        }
    assert listed == expected


def test_rules_take_nothing_through_zero(matched: Matched) -> None:
    """No receipt gives more than it has; no invoice falls lower than the books take it."""
    seen = 0
    for key, item_type, lowest, highest in matched.items:
        _, entity_code, number = key.split("|")
        if entity_code not in matched.ledgers:
            continue
        matcher = matcher_of(matched.ledgers, entity_code)
        if item_type == "receipt":
            if any(receipt.receipt_id == number for receipt in matcher.receipts):
                assert highest <= 0, key
                seen += 1
        elif item_type == "invoice":
            assert lowest >= min(0, matcher.lowest_booked(number)), key
            seen += 1
    assert seen > 100


def test_random_ledgers_are_matched_as_the_reference_does(matched: Matched, tmp_path: Path) -> None:
    """Many more, and only the models that match: what they feed is tested by the run above."""
    ledgers = random_ledgers(COUNT)
    sources = [load_source(path) for path in write_sources(ledgers, tmp_path / "inbox")]
    home = Home(tmp_path / "home")
    ingest(home, sources, None, datetime(2026, 7, 1, tzinfo=UTC), lambda _: None)
    run = runs.new_run(home, datetime(2026, 7, 2, tzinfo=UTC), runs.Parameters(), None)
    with duckdb.connect(str(home.build_database)) as connection:
        lake.register(connection, home)
        runs.register(connection, home, run)
    shutil.copytree(matched.home / "dbt", home.path / "dbt")
    result = subprocess.run(
        [
            *(sys.executable, "-c", "from dbt.cli.main import cli; cli()"),
            *("run", "--select", "+int_allocations", "--target-path", home.path / "dbt"),
            *("--project-dir", PROJECT, "--profiles-dir", PROJECT / "profiles"),
            *("--log-path", tmp_path / "log", "--no-use-colors"),
        ],
        check=False,
        cwd=home.path,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "ENCOURS_BUILD_DATABASE": home.build_database.name,
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        },
    )
    assert result.returncode == 0, result.stdout[-3000:]
    with duckdb.connect(str(home.build_database), read_only=True) as connection:
        rows = connection.execute(
            "select receipts.entity_code, matching_rule, receipts.receipt_id, "
            "invoices.invoice_number, allocations.amount, movement_date, "
            "allocations.reversed_on from intermediate.int_allocations as allocations "
            "inner join staging.stg_receipts as receipts on origin_item_key = receipts.item_key "
            "inner join staging.stg_invoices as invoices on target_item_key = invoices.item_key "
            "where matching_rule is not null"
        ).fetchall()
        (kinds,) = connection.execute(
            "select count(distinct (matching_rule, receipts.reversed_on is null, "
            "released_on is null)) from intermediate.int_allocations as allocations "
            "inner join staging.stg_receipts as receipts on origin_item_key = receipts.item_key "
            "where matching_rule is not null"
        ).fetchone() or (0,)
    assert check(ledgers, rows) > COUNT
    # Every rule, with receipts that stand and that bounce, with and without giving way.
    assert kinds == 12
