"""The option `matching`: how it is written, and that the lake knows since when it holds."""

from collections.abc import Callable
from datetime import datetime

import pytest
from encours.errors import UsageError
from encours.lake import manifests, matching_in_force, state_digest
from encours.sources import Source

from .conftest import START, Desk

Row = Callable[..., str]


@pytest.mark.parametrize(
    ("written", "rules"),
    [
        ("reference", ("reference",)),
        ("[exact_amount]", ("exact_amount",)),
        ("[reference, oldest_first]", ("reference", "oldest_first")),
        ("[]", ()),
    ],
)
def test_rules_are_a_word_or_a_list(desk: Desk, written: str, rules: tuple[str, ...]) -> None:
    assert _source(desk, written).matching == rules


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            "[reference, exact]",
            "matching[1]: 'exact' is not one of 'reference', 'exact_amount' or 'oldest_first'.",
        ),
        ("by_hand", "matching[0]: 'by_hand' is not one of 'reference', "),
        (
            "[exact_amount, reference]",
            "matching: rules are tried in one order; write [reference, exact_amount].",
        ),
        ("[reference, reference]", "matching: rules are tried in one order; write [reference]."),
        ("", "matching: must be a list, not empty."),
        ("{reference: true}", "matching: must be a list, not a mapping."),
    ],
)
def test_other_words_are_said_with_their_place(desk: Desk, written: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        _source(desk, written)
    assert message in str(caught.value)
    assert ".yml:" in str(caught.value)


def test_a_changed_rule_is_a_load_of_its_own(desk: Desk, row: Row) -> None:
    desk.invoices(row("F1"))
    first = desk.ingest(_source(desk, None))
    without = state_digest(desk.home)
    assert desk.ingest(_source(desk, None)).load_id is None

    changed = desk.ingest(_source(desk, "[reference, exact_amount]"))
    assert changed.load_id not in (None, first.load_id)
    assert changed.messages == (
        "books: receipts without allocation are matched by reference, exact_amount from now on.",
    )
    load = manifests(desk.home)[-1]
    assert (load.feeds, load.files, load.raw_files) == ([], [], [])
    assert load.matching == {"books": ["reference", "exact_amount"]}
    assert state_digest(desk.home) != without
    assert desk.ingest(_source(desk, "[reference, exact_amount]")).load_id is None

    ended = desk.ingest(_source(desk, None))
    assert ended.messages == (
        "books: receipts without allocation are matched by no rule from now on.",
    )
    assert state_digest(desk.home) == without


def test_rules_are_those_of_the_moment(desk: Desk, row: Row) -> None:
    desk.invoices(row("F1"))
    desk.ingest(_source(desk, "reference"))
    moment = manifests(desk.home)[-1].loaded_at_utc
    desk.ingest(_source(desk, "[exact_amount, oldest_first]"))
    assert matching_in_force(manifests(desk.home, moment)) == {"books": ["reference"]}
    assert _registered(desk, None) == [("books", "exact_amount"), ("books", "oldest_first")]
    assert _registered(desk, moment) == [("books", "reference")]
    assert _registered(desk, START.replace(year=2025)) == []


def test_a_source_that_is_not_delivered_keeps_its_rules(desk: Desk, row: Row) -> None:
    desk.invoices(row("F1"))
    desk.ingest(_source(desk, "reference"))
    desk.ingest(desk.books(name="others"))
    assert matching_in_force(manifests(desk.home)) == {"books": ["reference"]}


def _source(desk: Desk, written: str | None) -> Source:
    """The books, with such an option."""
    desk.books()
    text = (desk.inbox / "books.yml").read_text(encoding="utf-8")
    return desk.yaml(text if written is None else f"matching: {written}\n{text}")


def _registered(desk: Desk, moment: datetime | None) -> list[tuple[str, str]]:
    return desk.query("from raw.matching_rules order by all", moment)
