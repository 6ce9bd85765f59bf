"""Ledger exports (FEC) with one trap each come out as the ledger they describe.

All files of `tests/data/fec` go through one run, each as an entity of its own; the build compares
every one with its customer accounts at each month-end.
"""

from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import yaml
from support import PROJECT, run_encours

pytestmark = pytest.mark.slow

DATA = PROJECT / "tests" / "data" / "fec"

Open = tuple[str, str, str | None]
"""Customer, what is open, and until when it could be paid."""

BASIC: tuple[list[Open], dict[str, str]] = (
    [("C2", "60.50", "2024-03-31"), ("C2", "240", "2024-02-14")],
    {"2024-01": "360", "2024-02": "240", "2024-03": "300.50"},
)

LEDGERS: dict[str, tuple[list[Open], dict[str, str]]] = {
    "utf8_bom_tab": BASIC,
    "cp850_bars_trailing": BASIC,
    "latin9_amount_side": BASIC,
    "cp1252_padded_signed": BASIC,
    "latin1_number_zero": BASIC,
    "no_auxiliary": (
        [("411C2", "60.50", "2024-03-31"), ("411C2", "240", "2024-02-14")],
        BASIC[1],
    ),
    "number_zero_piece_month": (
        [("C2", "60.50", "2024-03-31"), ("C2", "240", "2024-02-09")],
        BASIC[1],
    ),
    "letter_is_no_key": (
        [("C1", "50", "2024-03-31"), ("C1", "100", "2024-02-09")],
        {"2024-01": "300", "2024-02": "100", "2024-03": "150"},
    ),
    "opening_items": (
        [("C1", "-50", None), ("C1", "80", "2024-03-06"), ("C1", "200", "2023-12-15")],
        {"2024-01": "150", "2024-02": "230"},
    ),
    "doubtful_and_lost": (
        [("C1", "840", "2024-02-09")],
        {"2024-01": "1200", "2024-02": "1200", "2024-03": "1200", "2024-04": "840"},
    ),
    "bill_of_exchange": (
        [("C1", "75", "2024-04-19")],
        {"2024-01": "120", "2024-02": "120", "2024-03": "75"},
    ),
    "bounced": (
        [("C1", "120", "2024-02-09"), ("C2", "90", "2024-03-16")],
        {"2024-01": "0", "2024-02": "210", "2024-03": "210"},
    ),
    "refund_and_difference": (
        [("C2", "44", "2024-03-31")],
        {"2024-01": "70", "2024-02": "0", "2024-03": "44"},
    ),
    "credit_note_advance_unclear": (
        [("C2", "-500", None), ("C3", "-70", None)],
        {"2024-01": "0", "2024-02": "-570"},
    ),
    "two_years": (
        [("C2", "36", "2024-02-19"), ("C2", "60", "2023-12-31")],
        {"2023-11": "120", "2023-12": "300", "2024-01": "96"},
    ),
    "one_amount": (
        [("C1", "200", "2024-01-19"), ("C2", "60", "2023-12-31")],
        {"2023-11": "100", "2023-12": "360", "2024-01": "260"},
    ),
    "cash_cycle": (
        [("C1", "1200", "2024-02-09")],
        {"2024-01": "1200", "2024-02": "1200"},
    ),
    "more_columns_lines_of_a_receipt": (
        [("C1", "10", "2024-04-30"), ("C2", "50", "2024-02-19")],
        {"2024-01": "160", "2024-02": "50", "2024-03": "60"},
    ),
    "999999999": BASIC,
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    folder = tmp_path_factory.mktemp("fec")
    files = [
        {"path": f"{name}*.txt", "format": "fec", "entity_code": {"value": name}}
        for name in LEDGERS
        if not name.isdigit()
    ]
    files.append({"path": "*FEC*.txt", "format": "fec"})
    source = folder / "fec.yml"
    source.write_text(yaml.safe_dump({"name": "fec", "files": files}), encoding="utf-8")
    run_encours("run", source, "--inbox", DATA, "--home", folder / "home")
    return duckdb.connect(str(folder / "home" / "encours.duckdb"), read_only=True)


@pytest.mark.parametrize("name", LEDGERS)
def test_open_items_and_receivables(published: duckdb.DuckDBPyConnection, name: str) -> None:
    open_items, receivables = LEDGERS[name]
    found = published.execute(
        "select customer_code, open_amount, due_date from marts.fct_open_items "
        "where entity_code = $name order by customer_code, open_amount",
        {"name": name},
    ).fetchall()
    assert found == [
        (customer, Decimal(amount), date.fromisoformat(due) if due else None)
        for customer, amount, due in open_items
    ]
    months = published.execute(
        "select strftime(period_start, '%Y-%m'), receivables_amount from marts.kpi_dso "
        "where entity_code = $name and segment_type = 'all' and period_grain = 'month' "
        "order by period_start",
        {"name": name},
    ).fetchall()
    last = list(receivables.values())[-1]
    start = next(iter(receivables))
    assert {month: amount for month, amount in months if month in receivables} == {
        month: Decimal(amount) for month, amount in receivables.items()
    }
    assert {amount for month, amount in months if month > max(receivables)} <= {Decimal(last)}
    assert months[0][0] == start


def test_what_cannot_be_told_apart_is_listed(published: duckdb.DuckDBPyConnection) -> None:
    found = published.execute(
        "select issue_code, record_key from audit.data_issues "
        "where issue_code like 'fec%' and severity = 'warning' order by all"
    ).fetchall()
    assert found == [
        ("fec_counterpart_unclear", "credit_note_advance_unclear|OD/5/20240210/13"),
    ]


def test_flows_are_of_their_kind(published: duckdb.DuckDBPyConnection) -> None:
    """Openings and transfers are no revenue, losses no receipts, a bounced cheque no collection."""
    sums = {
        name: amounts
        for name, *amounts in published.execute(
            "select entity_code, sum(revenue_amount), sum(collected_amount), "
            "sum(write_off_amount), sum(opening_items_amount) from marts.kpi_dso "
            "where segment_type = 'all' and period_grain = 'month' group by entity_code"
        ).fetchall()
    }
    assert sums["opening_items"] == [80, 100, 0, 250]
    assert sums["doubtful_and_lost"] == [1200, 0, 360, 0]
    assert sums["bill_of_exchange"] == [195, 120, 0, 0]
    assert sums["bounced"] == [210, 0, 0, 0]
    assert sums["refund_and_difference"] == [244, Decimal("199.98"), Decimal("0.02"), 0]
    assert sums["more_columns_lines_of_a_receipt"] == [220, 160, 0, 0]
    assert sums["two_years"] == [456, 360, 0, 0]


def test_allocations_follow_letters_across_accounts(
    published: duckdb.DuckDBPyConnection,
) -> None:
    """An invoice turned into a bill is open until the bill is paid, and aged as an invoice."""
    states = published.execute(
        "select document_number, valid_from, open_amount from marts.fct_open_item_history "
        "where entity_code in ('bill_of_exchange', 'bounced') and item_type = 'invoice' "
        "and open_amount = 0 order by entity_code desc, valid_from"
    ).fetchall()
    assert (("F2", date(2024, 3, 1), 0)) in states
    assert (("F1", date(2024, 3, 15), 0)) in states


def test_lines_of_one_entry_are_one_receipt_and_letters_say_when(
    published: duckdb.DuckDBPyConnection,
) -> None:
    """One line has the day of its letter, the other that of its entry; a bounced one its own."""
    states = published.execute(
        "select document_number, valid_from, open_amount from marts.fct_open_item_history "
        "where entity_code = 'more_columns_lines_of_a_receipt' and document_number <> 'V2' "
        "order by all"
    ).fetchall()
    assert states == [
        ("F1", date(2024, 1, 10), 100),
        ("F1", date(2024, 3, 5), 0),
        ("F2", date(2024, 1, 15), 60),
        ("F2", date(2024, 2, 20), 0),
        ("F3", date(2024, 1, 20), 50),
        ("F3", date(2024, 1, 25), 0),
        ("F3", date(2024, 2, 10), 50),
        ("F4", date(2024, 3, 31), 10),
        ("V1", date(2024, 2, 20), -100),
        ("V1", date(2024, 3, 5), 0),
    ]


def test_doubtful_customers_and_provisions(published: duckdb.DuckDBPyConnection) -> None:
    row = published.execute(
        "select doubtful_amount, provision_amount from marts.kpi_credit_losses "
        "where entity_code = 'doubtful_and_lost' and segment_type = 'all' "
        "and period_grain = 'month' and period_start = date '2024-04-01'"
    ).fetchone()
    assert row == (840, 500)


def test_cash_cycle_comes_from_the_other_accounts(published: duckdb.DuckDBPyConnection) -> None:
    rows = published.execute(
        "select cost_of_goods_sold_amount, purchases_amount, inventory_amount, payables_amount, "
        "cash_flow_amount from marts.kpi_cash_cycle where entity_code = 'cash_cycle' "
        "and period_grain = 'month' and period_start < date '2024-03-01' order by period_start"
    ).fetchall()
    assert rows == [(300, 600, 200, 600, 0), (0, 0, 200, 0, -600)]


def test_years_that_do_not_follow_each_other_are_refused(tmp_path: Path) -> None:
    for name in ("two_years_2023.txt", "two_years_2024.txt"):
        (tmp_path / name).write_bytes((DATA / name).read_bytes())
    later = tmp_path / "two_years_2024.txt"
    later.write_bytes(later.read_bytes().replace(b"240,00", b"250,00"))
    source = tmp_path / "fec.yml"
    entry = {"path": "*.txt", "format": "fec", "entity_code": "E"}
    source.write_text(yaml.safe_dump({"name": "fec", "files": [entry]}), encoding="utf-8")
    result = run_encours("run", source, "--home", tmp_path / "home", status=1)
    assert "opens with 310.00 on the customer accounts, but two_years_2023.txt" in result.stderr
