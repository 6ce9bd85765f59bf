"""Source YAML: what is wrong in it is named with line and path, and the nearest name."""

from pathlib import Path

import pytest
from encours.errors import UsageError
from encours.feeds import load_contract
from encours.sources import date_pattern, load_source

from .conftest import Desk

GOOD = """\
name: books
defaults: {currency_code: EUR}
files:
  - path: invoices.csv
    format: csv
    load: snapshot
    feeds:
      invoices:
        entity_code: {value: NO}
        invoice_number: number
        customer_code: customer
        issue_date: issued
        gross_amount: {sql: "amount"}
"""


def problem(desk: Desk, text: str) -> str:
    """The message for a source YAML, without the folder it is in."""
    with pytest.raises(UsageError) as caught:
        desk.yaml(text)
    assert caught.value.exit_status == 2
    return str(caught.value).replace(f"{desk.inbox}/", "")


def test_good_source_is_read(desk: Desk) -> None:
    source = desk.yaml(GOOD)
    assert (source.name, source.max_rejected_rows) == ("books", 0)
    mapped = source.mapped(source.files[0], load_contract()["invoices"])
    assert {name: origin.origin for name, origin in mapped.items()} == {
        "entity_code": "value: NO",
        "invoice_number": "number",
        "customer_code": "customer",
        "issue_date": "issued",
        "gross_amount": "sql: amount",
        "currency_code": "value: EUR",
    }


def test_scalars_stay_the_text_they_are(desk: Desk) -> None:
    text = GOOD.replace("{value: NO}", "{value: 0110}")
    source = desk.yaml(
        text.replace("gross_amount:", "due_date: {value: 2026-12-31}\n        gross_amount:")
    )
    columns = source.files[0].feeds["invoices"].columns
    assert (columns["entity_code"].value, columns["due_date"].value) == ("0110", "2026-12-31")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "customer_code: customer",
            "custmer_code: customer",
            "books.yml:11: files[0].feeds.invoices.custmer_code: feed invoices has no such column. "
            "Did you mean 'customer_code'?\n"
            "books.yml:8: files[0].feeds.invoices: nothing is mapped to customer_code, which every "
            "row needs. Map them to columns of the file, or give them under defaults.",
        ),
        (
            "invoices:\n",
            "invoice:\n",
            "books.yml:8: files[0].feeds.invoice: there is no such feed. Did you mean 'invoices'?",
        ),
        (
            "currency_code: EUR",
            "curency_code: EUR",
            "books.yml:2: defaults.curency_code: no feed has this column. "
            "Did you mean 'currency_code'?\n"
            "books.yml:8: files[0].feeds.invoices: nothing is mapped to currency_code, which every "
            "row needs. Map them to columns of the file, or give them under defaults.",
        ),
        (
            "    load: snapshot\n",
            "",
            "books.yml:4: files[0].load: is missing.",
        ),
        (
            "load: snapshot",
            "load: append",
            "books.yml:6: files[0].load: 'append' is not one of 'snapshot' or 'upsert'.",
        ),
        (
            "    format: csv",
            "    format: csv\n    delimeter: ;",
            "books.yml:6: files[0].delimeter: is not known here. Did you mean 'delimiter'?",
        ),
        (
            "{sql: ",
            "{slq: ",
            "books.yml:13: files[0].feeds.invoices.gross_amount.slq: is not known here. "
            "Did you mean 'sql'?",
        ),
        (
            '{sql: "amount"}',
            '{sql: "amount", value: "1"}',
            "books.yml:13: files[0].feeds.invoices.gross_amount: must be the name of a column of "
            "the file, {sql: ...} or {value: ...}.",
        ),
        (
            "issue_date: issued",
            "issue_date:",
            "books.yml:12: files[0].feeds.invoices.issue_date: is empty; name a column of the "
            "file, or remove the line.",
        ),
        (
            "issue_date: issued",
            "issue_date: issued\n        issue_date: other",
            "books.yml:13: files[0].feeds.invoices.issue_date: is given twice. Remove one of them.",
        ),
        (
            "path: invoices.csv",
            "path: ../invoices.csv",
            "books.yml:4: files[0].path: must not contain '..'; give an absolute path instead.",
        ),
        (
            "    format: csv",
            "    format: csv\n    date_format: '%Y-%m'",
            "books.yml:6: files[0].date_format: '%Y-%m' must give the day once, as in %Y-%m-%d.",
        ),
        (
            "    format: csv",
            "    format: csv\n    encoding: latin-99",
            "books.yml:6: files[0].encoding: 'latin-99' is not known; "
            "examples are utf-8, cp1252, latin-1, utf-16.",
        ),
        (
            "    format: csv",
            "    format: csv\n    delimiter: '::'",
            "books.yml:6: files[0].delimiter: must be a single character.",
        ),
        (
            "    format: csv",
            "    format: csv\n    thousands_separator: .",
            "books.yml:4: files[0]: thousands_separator and decimal_separator must differ.",
        ),
        (
            "    format: csv",
            "    format: csv\n    sheet: x",
            "books.yml:4: files[0]: sheet has no meaning for format csv; remove it.",
        ),
        (
            "name: books",
            "name: my books",
            "books.yml:1: name: String should match pattern '^[A-Za-z0-9][A-Za-z0-9_.-]*$'; "
            "it is 'my books'.",
        ),
        (
            "name: books",
            "name: books\nmax_rejected_rows: -1",
            "books.yml:2: max_rejected_rows: Input should be greater than or equal to 0; "
            "it is '-1'.",
        ),
        ("name: books", "name: [", "books.yml:3: not valid YAML: expected"),
        (GOOD, "", "books.yml: is empty. A source needs at least a name and files."),
        (GOOD, "- a", "books.yml:1: must be a mapping of names to values, not a list."),
        (GOOD, "name: x\nfiles: []", "books.yml:2: files: "),
        (
            GOOD,
            "name: x\nfiles: [a]",
            "books.yml:2: files[0]: must be a mapping of names to values",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    desk: Desk, old: str, new: str, message: str
) -> None:
    assert old in GOOD
    assert problem(desk, GOOD.replace(old, new)).startswith(message)


def test_everything_that_is_wrong_is_named_at_once(desk: Desk) -> None:
    text = GOOD.replace("format: csv", "format: cvs").replace("name: books", "nam: books")
    assert problem(desk, text).splitlines() == [
        "books.yml:1: name: is missing.",
        "books.yml:5: files[0].format: 'cvs' is not one of 'csv', 'xlsx', 'parquet', 'jsonl', "
        "'fec', 'ubl', 'cii', 'facturx', 'camt' or 'sql'.",
        "books.yml:1: nam: is not known here. Did you mean 'name'?",
    ]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (
            "load: snapshot",
            "load: upsert",
            "feed invoices is loaded as snapshot further up and as upsert here.",
        ),
        (
            "issue_date: issued",
            "issue_date: issued\n        on_duplicate_key: last",
            "on_duplicate_key of invoices must be the same in all its files.",
        ),
    ],
)
def test_one_feed_of_a_source_is_loaded_in_one_way(
    desk: Desk, first: str, second: str, message: str
) -> None:
    entry = GOOD[GOOD.index("  - path") :]
    assert message in problem(desk, GOOD + entry.replace(first, second))


def test_merged_yaml_mappings_can_be_used(desk: Desk) -> None:
    entry = GOOD[GOOD.index("  - path") :]
    shared = GOOD.replace("      invoices:\n", "      invoices: &columns\n")
    second = entry[: entry.index("        entity_code")] + "        <<: *columns\n"
    source = desk.yaml(shared + second + "        issue_date: booked\n")
    columns = source.files[1].feeds["invoices"].columns
    assert (columns["issue_date"].column, columns["customer_code"].column) == ("booked", "customer")


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none.yml: cannot be read: No such file"):
        load_source(tmp_path / "none.yml")


def test_contract_holds_the_feeds_of_the_project() -> None:
    contract = load_contract()
    assert contract["invoices"].key == ("entity_code", "invoice_number")
    assert contract["customers"].key == ("customer_code", "entity_code", "valid_from")
    rate = contract["fx_rates"].column("units_per_base")
    assert rate is not None
    assert (rate.kind, rate.precision, rate.scale, rate.is_required) == ("decimal", 24, 12, True)
    kind = contract["invoices"].column("document_type")
    assert kind is not None
    assert (kind.default, "opening" in kind.values) == ("invoice", True)
    assert contract["fx_rates"].checks[0].sql == "units_per_base > 0"


@pytest.mark.parametrize("data_type", ["float", "decimal(18)"])
def test_contract_with_an_unknown_type_is_refused(tmp_path: Path, data_type: str) -> None:
    (tmp_path / "x.yml").write_text(
        "sources: [{name: raw, tables: [{name: x, columns: [{name: a, data_type: "
        f"'{data_type}'}}]}}]}}]"
    )
    with pytest.raises(UsageError, match=r"x.yml: x.a: data_type .* is not known"):
        load_contract(tmp_path)


@pytest.mark.parametrize("date_format", ["%d/%m", "%Y-%m-%d %", "%Y-%j", "%Y-%m-%d-%y"])
def test_date_format_must_give_a_whole_date(date_format: str) -> None:
    with pytest.raises(ValueError, match=r"%"):
        date_pattern(date_format)
