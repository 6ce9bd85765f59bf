"""A load writes down which columns of its files became which columns of the feeds."""

import json
from collections.abc import Callable

from support import PROJECT

from .conftest import INVOICES, Desk

Row = Callable[..., str]
MAPPED = (
    "select path, file_column, feed_column, kind, transformations, expression "
    "from raw.source_columns where feed = 'invoices' order by all"
)


def test_columns_sql_constants_and_filters_are_told_apart(desk: Desk, row: Row) -> None:
    desk.invoices(row("1"), row("2", customer="C2"))
    mapping = INVOICES | {
        "currency_code": {"value": "EUR"},
        "invoice_number": {"sql": "Entity || '-' || \"number\""},
        "where": "customer <> 'C2'",
    }
    desk.ingest(desk.books(feeds={"invoices": mapping}))
    path = "invoices.csv"
    assert desk.query(MAPPED) == [
        (path, "*", "*", "condition", "rows", None),
        (path, "amount", "gross_amount", "value", "identity", None),
        (path, "customer", "*", "condition", "filter", "customer <> 'C2'"),
        (path, "customer", "customer_code", "value", "identity", None),
        (path, "entity", "entity_code", "value", "identity", None),
        (
            path,
            "entity",
            "invoice_number",
            "value",
            "transformation",
            "Entity || '-' || \"number\"",
        ),
        (path, "issued", "issue_date", "value", "identity", None),
        (
            path,
            "number",
            "invoice_number",
            "value",
            "transformation",
            "Entity || '-' || \"number\"",
        ),
        (path, None, "currency_code", "value", "transformation", "'EUR'"),
    ], "columns are named as the file writes them, whatever the SQL does"


def test_constants_of_the_source_are_those_of_its_feeds(desk: Desk, row: Row) -> None:
    desk.invoices(row("1"))
    mapping = {name: column for name, column in INVOICES.items() if name != "currency_code"}
    source = desk.yaml(
        "name: books\ndefaults: {currency_code: EUR}\nfiles:\n  - path: invoices.csv\n"
        "    format: csv\n    load: snapshot\n    feeds:\n      invoices: "
        + json.dumps(mapping)
        + "\n"
    )
    desk.ingest(source)
    constants = [each[2:] for each in desk.query(MAPPED) if each[1] is None]
    assert constants == [("currency_code", "value", "transformation", "'EUR'")]


def test_only_what_is_in_force_counts(desk: Desk, row: Row) -> None:
    amounts = f"select file_column from ({MAPPED}) where feed_column = 'gross_amount'"
    desk.invoices(row("1"))
    desk.ingest(desk.books())
    then = desk.now
    renamed = {"feeds": {"invoices": INVOICES | {"gross_amount": "total"}}}
    header = "entity,number,customer,issued,total,currency"
    desk.invoices(row("1"), header=header)
    desk.ingest(desk.books(**renamed))
    assert desk.query(amounts) == [("total",)], "the newer snapshot replaces the older one"
    assert desk.query(amounts, then) == [("amount",)]


def test_changes_in_force_have_every_mapping_that_they_were_read_with(desk: Desk, row: Row) -> None:
    desk.invoices(row("1"))
    desk.ingest(desk.books(load="upsert"))
    desk.invoices(row("2"), header="entity,number,customer,issued,total,currency")
    feeds = {"invoices": INVOICES | {"gross_amount": "total"}}
    desk.ingest(desk.books(load="upsert", feeds=feeds))
    amounts = f"select file_column from ({MAPPED}) where feed_column = 'gross_amount'"
    assert desk.query(amounts) == [("amount",), ("total",)]


def test_files_of_a_pattern_share_its_mapping(desk: Desk, row: Row) -> None:
    desk.invoices(row("1"), name="2026/a.csv")
    desk.invoices(row("2"), name="2026/b.csv")
    desk.ingest(desk.books(path="2026/*.csv"))
    assert {each[0] for each in desk.query(MAPPED)} == {"2026/*.csv"}
    assert len(desk.query(MAPPED)) == len(INVOICES) + 1


def test_a_reader_with_columns_of_its_own_names_these(desk: Desk) -> None:
    for name in ("invoice_ubl.xml", "credit_note_ubl.xml"):
        desk.put(name, (PROJECT / "tests" / "data" / "einvoices" / name).read_bytes())
    desk.ingest(desk.yaml("name: docs\nfiles:\n  - {path: '*.xml', format: ubl, load: upsert}\n"))
    found = {(path, feed): column for path, column, feed, *_ in desk.query(MAPPED)}
    assert found["*.xml", "gross_amount"] == "gross_amount"
    assert found["*.xml", "customer_code"] == "buyer_code"
    assert found["*.xml", "entity_code"] == "seller_code"


def test_a_ledger_names_the_columns_of_its_entries(desk: Desk) -> None:
    """By ADR 0017; this one has an amount with its side, and its header in capitals."""
    ledger = PROJECT / "tests" / "data" / "fec" / "latin9_amount_side.txt"
    desk.put("ledger.txt", ledger.read_bytes())
    desk.ingest(
        desk.yaml(
            "name: books\nfiles:\n  - {path: ledger.txt, format: fec, entity_code: {value: E1}}\n"
        )
    )
    columns = desk.query(
        "select feed, feed_column, list(file_column order by file_column), any_value(expression) "
        "from raw.source_columns where kind = 'value' or file_column <> '*' group by all"
    )
    found = {(feed, column): names for feed, column, names, _ in columns}
    assert found["invoices", "gross_amount"] == ["MONTANT", "SENS"]
    assert found["invoices", "issue_date"] == ["ECRITUREDATE", "PIECEDATE"]
    assert found["allocations", "allocation_date"] == ["DATELET", "ECRITUREDATE"]
    assert found["financials", "inventory_amount"] == ["MONTANT", "SENS"]
    assert {"COMPTENUM", "ECRITURELET", "JOURNALCODE"} <= set(found["invoices", "*"])
    assert {by for *_, by in columns} == {"from whole entries, by ADR 0017"}


def test_a_load_of_an_earlier_version_says_no_mapping_and_is_read(desk: Desk, row: Row) -> None:
    desk.invoices(row("1"))
    desk.ingest(desk.books())
    [path] = desk.home.loads.iterdir()
    manifest = json.loads(path.read_text(encoding="utf-8"))
    del manifest["mappings"]
    path.write_text(json.dumps(manifest), encoding="utf-8")
    assert desk.query(MAPPED) == []
    assert desk.numbers() == ["1"]
