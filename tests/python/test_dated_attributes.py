"""Exports of customers that hold only what is true today become a history, export by export."""

from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from support import run_encours

pytestmark = pytest.mark.slow

SOURCE = """\
name: erp
defaults: {currency_code: EUR, entity_code: FR}
files:
  - path: customers_*.csv
    format: csv
    load: upsert
    feeds:
      customers:
        customer_code: Account
        valid_from: ExportedOn
        region: Region
        salesperson_code: Salesperson
  - path: invoices.csv
    format: csv
    load: snapshot
    feeds:
      invoices:
        invoice_number: Number
        customer_code: Account
        issue_date: Issued
        due_date: Due
        gross_amount: Total
        salesperson_code: SoldBy
  - path: receipts.csv
    format: csv
    load: snapshot
    feeds:
      receipts:
        receipt_id: Number
        customer_code: Account
        receipt_date: Received
        amount: Amount
        invoice_number: Invoice
"""
INVOICES = """\
Number,Account,Issued,Due,Total,SoldBy
1,C1,2024-03-20,2024-04-19,500.00,
2,C1,2024-03-25,2024-04-30,200.00,S9
3,C2,2024-03-25,2024-04-30,40.00,
"""
RECEIPTS = """\
Number,Account,Received,Amount,Invoice
R1,C1,2024-04-10,50.00,2
R2,C1,2024-05-06,300.00,1
"""
EXPORTS = {
    "customers_1.csv": "Account,Region,Salesperson,ExportedOn\n"
    "C1,WEST,S1,2024-04-01\nC2,WEST,S1,2024-04-01\n",
    # C1 moves; nothing is new about C2.
    "customers_2.csv": "Account,Region,Salesperson,ExportedOn\n"
    "C1,SOUTH,S2,2024-04-15\nC2,WEST,S1,2024-04-15\n",
}


def amounts(connection: duckdb.DuckDBPyConnection, segment_type: str) -> dict[str, list[int]]:
    """Opening, collected, transferred and closing amounts of April, by segment."""
    rows = connection.execute(
        """
        select
            segment_code, opening_receivables_amount, collected_amount, transferred_amount,
            receivables_amount
        from marts.kpi_dso
        where
            period_grain = 'month' and period_start = date '2024-04-01' and entity_code = 'FR'
            and segment_type = ?
        """,
        [segment_type],
    ).fetchall()
    assert all(amount == int(amount) for _, *found in rows for amount in found)
    return {code: [int(amount) for amount in found] for code, *found in rows}


def test_each_export_adds_to_the_history(tmp_path: Path) -> None:
    inbox, home = tmp_path / "inbox", tmp_path / "home"
    inbox.mkdir()
    for name, text in (
        ("erp.yml", SOURCE),
        ("invoices.csv", INVOICES),
        ("receipts.csv", RECEIPTS),
        ("customers_1.csv", EXPORTS["customers_1.csv"]),
    ):
        (inbox / name).write_text(text, encoding="utf-8")

    run_encours("run", inbox / "erp.yml", "--home", home)
    with duckdb.connect(str(home / "encours.duckdb"), read_only=True) as connection:
        # One export is all that is known: it holds for the days before it, too.
        assert amounts(connection, "region") == {"WEST": [740, 50, 0, 690]}
        before = connection.execute(
            "select * from marts.kpi_dso where segment_type in ('all', 'customer') order by all"
        ).fetchall()

    (inbox / "customers_2.csv").write_text(EXPORTS["customers_2.csv"], encoding="utf-8")
    run_encours("run", inbox / "erp.yml", "--home", home)
    with duckdb.connect(str(home / "encours.duckdb"), read_only=True) as connection:
        history = connection.execute(
            "select customer_code, cast(valid_from as varchar), cast(valid_to as varchar), region "
            "from marts.dim_customer_history order by all"
        ).fetchall()
        assert history == [
            ("C1", "1900-01-01", "2024-04-15", "WEST"),
            ("C1", "2024-04-15", "9999-12-31", "SOUTH"),
            ("C2", "1900-01-01", "9999-12-31", "WEST"),
        ]
        assert amounts(connection, "region") == {
            "WEST": [740, 50, -650, 40],
            "SOUTH": [0, 0, 650, 650],
        }
        # The receipt of 50 was allocated to an invoice of S9, which does not change hands.
        assert amounts(connection, "salesperson") == {
            "S1": [540, 50, 50 - 500, 40],
            "S2": [0, 0, 500, 500],
            "S9": [200, 0, -50, 150],
        }
        assert (
            connection.execute(
                "select * from marts.kpi_dso where segment_type in ('all', 'customer') order by all"
            ).fetchall()
            == before
        )
        states = connection.execute(
            "select cast(valid_from as varchar), cast(valid_to as varchar), open_amount "
            "from marts.fct_open_item_history where document_number = '1' order by valid_from"
        ).fetchall()
        assert states == [
            ("2024-03-20", "2024-04-15", Decimal(500)),
            ("2024-04-15", "2024-05-06", Decimal(500)),
            ("2024-05-06", "9999-12-31", Decimal(200)),
        ]
        current = connection.execute(
            "select region, salesperson_code from marts.dim_customer where customer_code = 'C1'"
        ).fetchall()
        assert current == [("SOUTH", "S2")]
