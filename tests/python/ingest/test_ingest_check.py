"""`encours sources check`: what a source would do, before it does it."""

from collections.abc import Callable

import pytest
from encours import check
from encours.check import check_source

from .conftest import HEADER, INVOICES, Desk

Row = Callable[..., str]


def test_good_source_is_described(desk: Desk, row: Row) -> None:
    desk.invoices(row("1") + ",x,y", row("2") + ",x,y", header=HEADER + ",note,terms")
    feeds = {"invoices": INVOICES | {"payment_terms": {"sql": 'upper("terms")'}}}
    report = check_source(desk.books(feeds=feeds), desk.inbox)
    assert report.problems == ()
    [file] = report.files
    [feed] = file.feeds
    assert (file.path, file.rows_read, feed.feed, feed.rows) == ("invoices.csv", 2, "invoices", 2)
    assert ("gross_amount", "amount") in feed.mapped
    assert "due_date" in feed.empty
    assert file.unused_columns == ("note",)
    lines = list(report.lines())
    assert lines[0] == "books: invoices.csv"
    assert "    gross_amount   <- amount" in lines
    assert "  columns not used: note" in lines
    assert lines[-1] == "  rows that would be refused: 0"
    assert not desk.home.path.exists()


def test_rows_that_would_be_refused_are_listed(desk: Desk, row: Row) -> None:
    desk.invoices(row("1"), row("2", amount="x"), "short", row("1"))
    report = check_source(desk.books(), desk.inbox)
    assert report.problems == (
        "invoices.csv:3: gross_amount <- amount: 'x' is not a number with a decimal point",
        "invoices.csv:4: has 1 fields where the header has 6",
        "invoices.csv:5: entity_code, invoice_number: has the same key as invoices.csv: line 2 "
        "(entity_code FR01, invoice_number 1)",
    )
    assert "  rows that would be refused: 3" in report.lines()


def test_file_that_cannot_be_read_does_not_hide_the_others(desk: Desk, row: Row) -> None:
    desk.put("a.csv", b"\x89PNG")
    desk.invoices(row("1"), name="b.csv")
    report = check_source(desk.books(path="*.csv"), desk.inbox)
    assert report.problems == ("a.csv: this is a PNG image, not text. Deliver the export itself.",)
    assert [len(file.feeds) for file in report.files] == [0, 1]


@pytest.mark.parametrize("block", [50, 4 << 20])
def test_head_alone_is_read(
    desk: Desk, row: Row, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(check, "HEAD_ROWS", 3)
    monkeypatch.setattr("encours.text.BLOCK_BYTES", block)
    desk.invoices(*(row(str(number)) for number in range(9)), row("9", amount="x"), "short")
    report = check_source(desk.books(), desk.inbox)
    assert (report.files[0].rows_read, report.files[0].feeds[0].rows) == (3, 3)
    assert report.problems == ()
