"""Receipts without allocation, matched by rule: examples, and random ledgers against the reference.

Every ledger is an entity of its own, and every set of rules a source; all go through one run.
`ENCOURS_LEDGERS` (number of random ledgers) and `ENCOURS_SEED` widen the search.
"""

from __future__ import annotations

import os
import random
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from reference.companies import text_of
from reference.matching import Changes, Matcher
from support import Feeds, run_encours, write_feeds

pytestmark = pytest.mark.slow

COUNT = int(os.environ.get("ENCOURS_LEDGERS", "160"))
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


# Ledgers by hand


def invoice(number: str, day: str, amount: str, customer: str = "C1", **other: Any) -> dict:
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
) -> dict:
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
EXAMPLES: dict[str, tuple[tuple[str, ...], dict[str, list[dict]], list[tuple]]] = {
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
                    "N1", "03-01", "200", document_type="credit_note", applies_to_invoice_number="F1"
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


def random_ledger(seed: int) -> dict[str, list[dict]]:
    """A few documents of two customers whose amounts and numbers like to coincide."""
    source = random.Random(seed)
    amounts = [Decimal(amount) for amount in source.sample(["100", "50", "25", "75.5", "120"], 3)]
    customers = source.choice([["C1"], ["C1", "C2"]])
    currencies = source.choice([["EUR"], ["EUR"], ["EUR", "USD"]])

    def day(last: int = 60) -> date:
        return FIRST_DAY + timedelta(days=source.randrange(last))

    feeds: dict[str, list[dict]] = {
        feed: [] for feed in ("invoices", "receipts", "allocations", "write_offs")
    }
    style = source.choice(["F{:03}", "2026-{:03}", "{:05}", "FA 26/{:02}"])
    for number in range(1, source.randint(2, 8)):
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
    numbered = {row["invoice_number"]: row for row in feeds["invoices"]}
    feeds["invoices"] = list(numbered.values())
    numbers = list(numbered)
    for row in feeds["invoices"]:
        if row["document_type"] == "credit_note" and source.random() < 0.7:
            row["applies_to_invoice_number"] = source.choice(numbers)
            row["gross_amount"] = source.choice([*amounts, Decimal(5)])
    for number in range(1, source.randint(2, 9)):
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


class Matched:
    """What one run of all ledgers publishes."""

    def __init__(self, folder: Path) -> None:
        self.ledgers: dict[str, tuple[tuple[str, ...], dict[str, list[dict]]]] = {
            name: (rules, feeds) for name, (rules, feeds, _) in EXAMPLES.items()
        }
        for number in range(COUNT):
            rules = RULE_SETS[number % len(RULE_SETS)]
            name = f"random_{number:03}"
            self.ledgers[name] = rules, random_ledger(SEED * 1_000_000 + number)
        by_rules: dict[tuple[str, ...], Feeds] = defaultdict(lambda: defaultdict(list))
        for name, (rules, feeds) in self.ledgers.items():
            for feed, rows in feeds.items():
                by_rules[rules][feed] += [{**row, "entity_code": name} for row in rows]
        by_rules[()]["fx_rates"] = [
            {
                "rate_date": FIRST_DAY,
                "currency_code": "USD",
                "units_per_base": Decimal(2),
                "base_currency_code": "EUR",
            }
        ]
        sources = [
            write_feeds(
                {feed: rows for feed, rows in feeds.items() if rows},
                folder / "_".join(("rules", *rules)),
                "_".join(("rules", *rules)),
                {"matching": list(rules)} if rules else {},
            )
            for rules, feeds in by_rules.items()
        ]
        self.home = folder / "home"
        run_encours("run", *sources, "--home", self.home, "--as-of", AS_OF.isoformat())
        self.rows: dict[str, list[tuple]] = defaultdict(list)
        with duckdb.connect(str(self.home / "encours.duckdb"), read_only=True) as connection:
            for entity_code, *row in connection.execute(
                "select entity_code, matching_rule, receipt_id, invoice_number, amount, "
                "allocated_on, undone_on from audit.rule_allocations"
            ).fetchall():
                self.rows[entity_code].append(tuple(row))
            self.items = connection.execute(
                "select item_key, item_type, min(open_amount), max(open_amount) "
                "from marts.fct_open_item_history group by all"
            ).fetchall()
            self.issues = connection.execute(
                "select record_key, issue_code from audit.data_issues "
                "where issue_code like 'matching_%'"
            ).fetchall()

    def changes(self, name: str) -> Changes:
        """What every pair of an entity holds, as changes by day."""
        found: Changes = defaultdict(lambda: defaultdict(Decimal))
        for rule, receipt_id, number, amount, since, until in self.rows[name]:
            found[name, rule, receipt_id, number][since] += amount
            if until is not None:
                found[name, rule, receipt_id, number][until] -= amount
        return {key: {day: x for day, x in days.items() if x} for key, days in found.items()}

    def matcher(self, name: str) -> Matcher:
        """The reference of an entity."""
        rules, feeds = self.ledgers[name]
        named = {
            feed: [{**row, "entity_code": name} for row in rows] for feed, rows in feeds.items()
        }
        return Matcher(named, rules, AS_OF)


@pytest.fixture(scope="module")
def matched(tmp_path_factory: pytest.TempPathFactory) -> Matched:
    """All ledgers in one run."""
    return Matched(tmp_path_factory.mktemp("matching"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples(matched: Matched, name: str) -> None:
    expected = [
        (rule, receipt_id, number, Decimal(amount), on(since), on(until) if until else None)
        for rule, receipt_id, number, amount, since, until in EXAMPLES[name][2]
    ]
    assert sorted(matched.rows[name], key=str) == sorted(expected, key=str)
    assert matched.matcher(name).changes() == matched.changes(name)


def test_random_ledgers_are_matched_as_the_reference_does(matched: Matched) -> None:
    different = []
    pairs = 0
    for name, (rules, feeds) in matched.ledgers.items():
        want, got = matched.matcher(name).changes(), matched.changes(name)
        pairs += len(want)
        if want != got:
            only = {
                key: (want.get(key), got.get(key))
                for key in {**want, **got}
                if want.get(key) != got.get(key)
            }
            different.append((len(text_of(feeds)), name, rules, only))
    if different:
        _, name, rules, only = min(different, key=lambda each: each[0])
        shown = "\n".join(f"  {key[1:]}: {pair}" for key, pair in only.items())
        pytest.fail(
            f"{len(different)} ledgers differ; the smallest is {name}, {rules}:\n{shown}\n"
            f"{text_of(matched.ledgers[name][1])}",
            pytrace=False,
        )
    assert pairs > COUNT


def test_what_no_rule_decides_is_listed(matched: Matched) -> None:
    listed = {(key, code) for key, code in matched.issues}
    assert ("receipt|amount_of_several|R1", "matching_ambiguous_amount") in listed
    assert ("receipt|amount_of_several|R2", "matching_ambiguous_amount") in listed
    expected = set()
    for name in matched.ledgers:
        matcher = matched.matcher(name)
        decided = {held.receipt.receipt_id for held in matcher.held if held.rule != "reference"}
        expected |= {
            (f"receipt|{name}|{receipt_id}", code)
            for receipt_id, rule in matcher.ambiguous
            for code in ["matching_ambiguous_" + rule.removeprefix("exact_")]
            if receipt_id not in decided
        }
    assert listed == expected


def test_rules_take_nothing_through_zero(matched: Matched) -> None:
    """No receipt gives more than it has; no invoice falls lower than the books take it."""
    for key, item_type, lowest, highest in matched.items:
        _, entity_code, number = key.split("|")
        if item_type == "receipt":
            row = next(r for r in matched.ledgers[entity_code][1]["receipts"] if r["receipt_id"] == number)
            if row.get("invoice_number") is None and row["amount"] > 0:
                booked = [
                    a
                    for a in matched.ledgers[entity_code][1].get("allocations", [])
                    if a.get("receipt_id") == number and a.get("kind") != "discount"
                ]
                assert booked or highest <= 0, key
        elif lowest < 0 and item_type == "invoice":
            matcher = matched.matcher(entity_code)
            item = next(i for i in matcher.invoices if i.document_number == number)
            assert lowest >= min(matcher._booked[item].values()), key
