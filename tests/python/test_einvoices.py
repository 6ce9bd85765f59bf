"""Electronic invoices and a bank statement, all the way to what is published."""

import io
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from pypdf import PdfWriter
from support import EXAMPLES, PROJECT, run_encours

pytestmark = pytest.mark.slow

DATA = PROJECT / "tests" / "data" / "einvoices"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a UBL invoice, a CII credit note, a Factur-X document and a camt.053 publish."""
    folder = tmp_path_factory.mktemp("einvoices")
    inbox = folder / "inbox"
    inbox.mkdir()
    for name in ("invoice_ubl.xml", "credit_note_cii.xml", "statement_camt053.xml"):
        shutil.copy(DATA / name, inbox)
    writer = PdfWriter()
    writer.add_blank_page(width=595, height=842)
    writer.add_attachment("factur-x.xml", (DATA / "factur-x.xml").read_bytes())
    stream = io.BytesIO()
    writer.write(stream)
    (inbox / "F-2026-002.pdf").write_bytes(stream.getvalue())
    run_encours(
        "run",
        EXAMPLES / "einvoices.yml",
        *("--inbox", inbox),
        *("--as-of", "2026-02-28"),
        *("--home", folder / "home"),
    )
    return folder / "home"


def test_open_items(home: Path) -> None:
    with duckdb.connect(str(home / "encours.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "select item_type, document_number, customer_code, customer_name, due_date, "
            "open_amount, days_overdue from marts.fct_open_items order by item_key"
        ).fetchall()
    account = "FR7630001007941234567890185/2026-02/2"
    park, station = ("C100", "Brasserie du Parc"), ("C200", "Café de la Gare")
    assert sorted(rows, key=lambda row: str(row[1])) == [
        ("receipt", "BANK0003/R", *station, None, Decimal(50), None),
        # 1,200 less the transfer of 1,080 that names it
        ("invoice", "F-2026-001", *park, date(2026, 2, 9), Decimal(120), 19),
        # 600 less the credit note of 60
        ("invoice", "F-2026-002", *station, date(2026, 3, 31), Decimal(540), -31),
        ("receipt", f"{account}/1", *station, None, Decimal(-200), None),
        ("receipt", f"{account}/2", *station, None, Decimal(-50), None),
    ]


def test_balances_by_month(home: Path) -> None:
    with duckdb.connect(str(home / "encours.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "select period_start, receivables_amount, unallocated_amount, overdue_amount, "
            "revenue_amount, credit_note_amount, collected_amount from marts.kpi_dso "
            "where period_grain = 'month' and entity_code = '123456782' and segment_type = 'all' "
            "order by period_start"
        ).fetchall()
    assert rows == [
        (date(2026, 1, 1), *map(Decimal, (1740, 0, 0, 1740, 60, 0))),
        (date(2026, 2, 1), *map(Decimal, (460, -200, 120, 0, 0, 1280))),
    ]
