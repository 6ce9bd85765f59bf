"""What others got wrong, on one small ledger whose figures are worked out by hand.

Each test is named after a defect seen in a product or a public code base, and would show it.
"""

import shutil
import subprocess
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support import Feeds, run_encours, write_feeds

pytestmark = pytest.mark.slow

AS_OF = date(2026, 6, 30)


def _invoice(
    number: str, issued: date, due: date | None, gross: str, **more: Any
) -> dict[str, Any]:
    return {
        "entity_code": "FR",
        "invoice_number": number,
        "customer_code": "C1",
        "issue_date": issued,
        "due_date": due,
        "gross_amount": Decimal(gross),
        "currency_code": "EUR",
        **more,
    }


def _receipt(number: str, received: date, amount: str, **more: Any) -> dict[str, Any]:
    return {
        "entity_code": "FR",
        "receipt_id": number,
        "customer_code": "C1",
        "receipt_date": received,
        "amount": Decimal(amount),
        "currency_code": "EUR",
        **more,
    }


EDGE_DAYS = (0, 1, 30, 31, 60, 61, 90, 91, 120, 121)


def _ledger() -> Feeds:
    edges = [
        _invoice(
            f"EDGE{days}",
            date(2026, 1, 5),
            AS_OF - timedelta(days),
            f"{10 + days}.00",
            entity_code="EDGES",
        )
        for days in EDGE_DAYS
    ]
    return {
        "invoices": [
            # Old debt: nothing was issued to it within the last year.
            _invoice("OLD", date(2024, 11, 3), date(2024, 12, 3), "1000.00"),
            # Issued on the as-of date itself.
            _invoice("TODAY", AS_OF, date(2026, 7, 30), "250.00"),
            # Paid in June: open in May, and not in June.
            _invoice("PAID", date(2026, 4, 10), date(2026, 5, 10), "400.00"),
            # One receipt of 900 pays both on one day.
            _invoice("MULTI1", date(2026, 5, 1), date(2026, 5, 31), "300.00"),
            _invoice("MULTI2", date(2026, 5, 1), date(2026, 5, 31), "600.00"),
            # Disputed in May, settled since.
            _invoice("DISPUTED", date(2026, 4, 2), date(2026, 5, 2), "120.00"),
            # Written off, and lost to a credit note: neither is cash.
            _invoice("LOST", date(2026, 3, 1), date(2026, 3, 31), "80.00"),
            _invoice("CORRECTED", date(2026, 5, 20), date(2026, 6, 20), "70.00"),
            _invoice(
                "CN", date(2026, 6, 10), None, "-70.00", applies_to_invoice_number="CORRECTED"
            ),
            # A credit note that nobody allocated yet.
            _invoice("CNFREE", date(2026, 6, 12), None, "35.00", document_type="credit_note"),
            # Open in pounds through two months with two rates.
            _invoice(
                "POUND",
                date(2026, 5, 5),
                date(2026, 6, 4),
                "100.00",
                entity_code="GB",
                customer_code="C9",
                currency_code="GBP",
            ),
            *edges,
        ],
        "receipts": [
            _receipt("R1", date(2026, 6, 5), "400.00", invoice_number="PAID"),
            _receipt("R2", date(2026, 6, 15), "900.00"),
            _receipt("R3", date(2026, 6, 20), "55.00"),
            _receipt("R4", date(2026, 6, 25), "120.00", invoice_number="DISPUTED"),
        ],
        "allocations": [
            {
                "entity_code": "FR",
                "allocation_id": "A1",
                "invoice_number": "MULTI1",
                "amount": Decimal("300.00"),
                "allocation_date": date(2026, 6, 15),
                "receipt_id": "R2",
            },
            {
                "entity_code": "FR",
                "allocation_id": "A2",
                "invoice_number": "MULTI2",
                "amount": Decimal("600.00"),
                "allocation_date": date(2026, 6, 15),
                "receipt_id": "R2",
            },
        ],
        "write_offs": [
            {
                "entity_code": "FR",
                "write_off_id": "W1",
                "invoice_number": "LOST",
                "write_off_date": date(2026, 6, 11),
                "amount": Decimal("80.00"),
            },
        ],
        "disputes": [
            {
                "entity_code": "FR",
                "dispute_id": "D1",
                "invoice_number": "DISPUTED",
                "opened_on": date(2026, 5, 10),
                "closed_on": date(2026, 6, 1),
            },
        ],
        "fx_rates": [
            {
                "rate_date": date(2026, 5, 1),
                "currency_code": "GBP",
                "units_per_base": Decimal("0.80"),
                "base_currency_code": "EUR",
            },
            {
                "rate_date": date(2026, 6, 1),
                "currency_code": "GBP",
                "units_per_base": Decimal("0.50"),
                "base_currency_code": "EUR",
            },
        ],
        "control_balances": [
            {"entity_code": "FR", "balance_date": AS_OF, "balance_amount": Decimal("1160.00")},
        ],
    }


@pytest.fixture(scope="module")
def marts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = tmp_path_factory.mktemp("traps")
    source = write_feeds(_ledger(), folder / "inbox")
    run_encours("run", source, "--home", folder / "home", "--reporting-currency", "EUR")
    with duckdb.connect(str(folder / "home" / "encours.duckdb"), read_only=True) as connection:
        yield connection


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return row


def _month(
    connection: duckdb.DuckDBPyConnection,
    columns: str,
    month: str,
    entity: str = "FR",
    table: str = "kpi_dso",
) -> tuple[Any, ...]:
    return _one(
        connection,
        f"select {columns} from marts.{table} where period_grain = 'month' "
        f"and period_start = date '{month}-01' and entity_code = '{entity}' "
        "and segment_type = 'all'",
    )


def _open(connection: duckdb.DuckDBPyConnection, number: str, day: str) -> Decimal | None:
    row = connection.execute(
        "select open_amount from marts.fct_open_item_history where document_number = ? "
        "and valid_from <= ?::date and ?::date < valid_to",
        [number, day, day],
    ).fetchone()
    return None if row is None else row[0]


def test_an_item_due_today_is_not_overdue_and_bucket_edges_neither_overlap_nor_leave_gaps(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    found = dict(
        marts.execute(
            "select ageing_bucket, open_amount from marts.fct_receivables_daily "
            "where snapshot_date = date '2026-06-30' and entity_code = 'EDGES' "
            "and segment_type = 'all'"
        ).fetchall()
    )
    assert found == {
        "not_due": 10,
        "1_30": 11 + 40,
        "31_60": 41 + 70,
        "61_90": 71 + 100,
        "91_120": 101 + 130,
        "over_120": 131,
    }


def test_documents_of_today_count_and_old_debt_stays_in_dso(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    # OLD 1000 + TODAY 250 - CNFREE 35 - R3 55
    assert _month(marts, "receivables_amount", "2026-06") == (1160,)
    # June: TODAY 250 - CN 70 - CNFREE 35 = 145 of revenue in 30 days
    revenue, dso = _month(marts, "revenue_amount, dso_days", "2026-06")
    assert revenue == 145
    assert dso == pytest.approx(1160 / 145 * 30)


def test_no_sales_give_no_dso_instead_of_zero(marts: duckdb.DuckDBPyConnection) -> None:
    assert _month(marts, "receivables_amount, revenue_amount, dso_days", "2025-03") == (
        1000,
        0,
        None,
    )


def test_amounts_not_due_are_in_a_bucket_and_buckets_add_up(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    buckets = dict(
        marts.execute(
            "select ageing_bucket, open_amount from marts.kpi_ageing_buckets "
            "where period_grain = 'month' and period_start = date '2026-06-01' "
            "and entity_code = 'FR' and segment_type = 'all'"
        ).fetchall()
    )
    assert {name: amount for name, amount in buckets.items() if amount} == {
        "not_due": 250,
        "over_120": 1000,
        "unallocated": -90,
    }


def test_an_invoice_paid_later_stays_open_on_past_days(marts: duckdb.DuckDBPyConnection) -> None:
    assert _open(marts, "PAID", "2026-05-31") == 400
    assert _open(marts, "PAID", "2026-06-04") == 400
    assert _open(marts, "PAID", "2026-06-05") == 0
    assert _open(marts, "PAID", "2026-04-09") is None


def test_a_receipt_that_pays_several_invoices_counts_once(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    # R1 400 + R2 900 + R3 55 + R4 120
    assert _month(marts, "collected_amount", "2026-06") == (1475,)
    assert _open(marts, "MULTI1", "2026-06-15") == 0
    assert _open(marts, "MULTI2", "2026-06-15") == 0


def test_cash_and_credit_notes_not_allocated_are_in_receivables(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    assert _month(marts, "unallocated_amount, open_invoices_amount", "2026-06") == (-90, 1250)


def test_open_balances_are_converted_at_the_rate_of_their_day_and_history_is_not_restated(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    assert _month(marts, "receivables_amount, revenue_amount", "2026-05", "GB") == (125, 125)
    june = _month(
        marts,
        "receivables_amount, opening_receivables_amount, revaluation_amount",
        "2026-06",
        "GB",
    )
    assert june == (200, 125, 75)
    daily = marts.execute(
        "select snapshot_date, open_amount from marts.fct_receivables_daily "
        "where entity_code = 'GB' and segment_type = 'all' and snapshot_date in "
        "(date '2026-05-31', date '2026-06-01') order by 1"
    ).fetchall()
    assert daily == [(date(2026, 5, 31), 125), (date(2026, 6, 1), 200)]


def test_write_offs_and_credit_notes_are_not_cash(marts: duckdb.DuckDBPyConnection) -> None:
    columns = "write_off_amount, credit_note_amount, collected_amount"
    assert _month(marts, columns, "2026-06") == (80, 105, 1475)


def test_a_dispute_is_open_on_the_days_it_was_open_not_by_its_status_today(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    disputed = dict(
        marts.execute(
            "select snapshot_date, sum(disputed_amount) from marts.fct_receivables_daily "
            "where entity_code = 'FR' and segment_type = 'all' group by all "
            "having sum(disputed_amount) <> 0"
        ).fetchall()
    )
    assert disputed == {date(2026, 5, 10) + timedelta(days): 120 for days in range(22)}


def test_the_group_ratio_is_made_of_parts_and_is_no_mean_of_ratios(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    group = _month(marts, "dso_days, receivables_amount, revenue_amount", "2026-05", "ALL")
    parts = marts.execute(
        "select sum(receivables_amount), sum(revenue_amount), avg(dso_days) from marts.kpi_dso "
        "where period_grain = 'month' and period_start = date '2026-05-01' "
        "and segment_type = 'all' and entity_code <> 'ALL'"
    ).fetchone()
    assert parts is not None
    assert group[1:] == parts[:2]
    assert group[0] == pytest.approx(float(parts[0] / parts[1] * 31))
    assert group[0] != pytest.approx(parts[2])


def test_published_tables_and_columns_explain_themselves(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    silent = marts.execute(
        "select schema_name, table_name, column_name from duckdb_columns() "
        "where schema_name in ('marts', 'audit', 'evidence') and coalesce(comment, '') = '' "
        "union all "
        "select schema_name, table_name, '' from duckdb_tables() "
        "where coalesce(comment, '') = '' "
        "union all "
        "select schema_name, view_name, '' from duckdb_views() "
        "where not internal and coalesce(comment, '') = ''"
    ).fetchall()
    assert silent == []


def _small() -> Feeds:
    return {
        "invoices": [
            _invoice("F1", date(2026, 5, 1), date(2026, 5, 31), "100.00"),
            _invoice("F2", date(2026, 5, 2), date(2026, 6, 1), "50.00"),
        ]
    }


@pytest.fixture
def small() -> Feeds:
    return _small()


@pytest.fixture(scope="module")
def published_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder in which the two invoices are published."""
    folder = tmp_path_factory.mktemp("published_once")
    run_encours("run", write_feeds(_small(), folder / "inbox"), "--home", folder / "home")
    return folder / "home"


@pytest.fixture
def home(published_once: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(published_once, tmp_path / "home", symlinks=True)
    return tmp_path / "home"


def test_a_control_account_that_differs_by_a_cent_stops_the_run(
    tmp_path: Path, small: Feeds
) -> None:
    small["control_balances"] = [
        {"entity_code": "FR", "balance_date": date(2026, 5, 2), "balance_amount": Decimal("150.01")}
    ]
    source = write_feeds(small, tmp_path / "inbox")
    result = run_encours("run", source, "--home", tmp_path / "home", status=1)
    assert "ledger_equals_control_balances" in result.stderr
    assert (
        "Entity FR on 2026-05-02: the control account shows 150.01, the open items 150.00"
        in result.stderr
    )
    assert not (tmp_path / "home" / "encours.duckdb").exists()


def test_a_currency_without_a_rate_stops_the_run(tmp_path: Path, small: Feeds) -> None:
    small["invoices"].append(
        _invoice("F3", date(2026, 5, 10), date(2026, 6, 9), "10.00", currency_code="USD")
    )
    small["fx_rates"] = [
        {
            "rate_date": date(2026, 5, 12),
            "currency_code": "USD",
            "units_per_base": Decimal("1.10"),
            "base_currency_code": "EUR",
        },
    ]
    source = write_feeds(small, tmp_path / "inbox")
    home = tmp_path / "home"
    result = run_encours("run", source, "--home", home, "--as-of", "2026-05-31", status=1)
    assert (
        "No exchange rate from USD to EUR from 2026-05-10 to 2026-05-11 (2 days)" in result.stderr
    )
    assert not (home / "encours.duckdb").exists()
    # Without a common base nobody can know the reporting currency either.
    del small["fx_rates"]
    source = write_feeds(small, tmp_path / "inbox2")
    result = run_encours("run", source, "--home", tmp_path / "home2", status=1)
    assert "--reporting-currency" in result.stderr


def test_the_reporting_currency_never_changes_unasked(
    home: Path, tmp_path: Path, small: Feeds
) -> None:
    small["invoices"].append(
        _invoice("F3", date(2026, 5, 10), date(2026, 6, 9), "10.00", currency_code="USD")
    )
    small["fx_rates"] = [
        {
            "rate_date": date(2026, 5, 1),
            "currency_code": "EUR",
            "units_per_base": Decimal("0.90"),
            "base_currency_code": "USD",
        }
    ]
    source = write_feeds(small, tmp_path / "inbox")
    result = run_encours("run", source, "--home", home, status=1)
    assert "The published figures are in EUR; the data now lead to USD" in result.stderr
    run_encours("run", source, "--home", home, "--reporting-currency", "EUR")
    with duckdb.connect(str(home / "encours.duckdb"), read_only=True) as connection:
        assert _month(connection, "round(receivables_amount, 2)", "2026-05") == (Decimal("159.00"),)


def test_a_document_deleted_at_the_source_leaves_the_ledger_and_a_reader_keeps_the_old_version(
    home: Path, tmp_path: Path, small: Feeds
) -> None:
    codes = "select document_number from marts.fct_open_items order by all"
    with duckdb.connect(str(home / "encours.duckdb"), read_only=True) as reader:
        before = reader.execute("from marts.kpi_dso order by all").fetchall()
        small["invoices"][1] = _invoice("F4", date(2026, 5, 3), date(2026, 6, 2), "7.00")
        run_encours("run", write_feeds(small, tmp_path / "inbox"), "--home", home)
        assert reader.execute("from marts.kpi_dso order by all").fetchall() == before
        assert reader.execute(codes).fetchall() == [("F1",), ("F2",)]
    with duckdb.connect(str(home / "encours.duckdb"), read_only=True) as connection:
        assert connection.execute(codes).fetchall() == [("F1",), ("F4",)]


def _write_and_run(
    feeds: Feeds, folder: Path, *words: str, status: int = 0
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    home = folder / "home"
    source = write_feeds(feeds, folder / "inbox")
    return home, run_encours("run", source, "--home", home, *words, status=status)


def test_many_equal_amounts_in_a_foreign_currency_do_not_add_up_roundings(tmp_path: Path) -> None:
    """14,000 times 10 dollars are 140,000 dollars, whatever one of them is worth to a millionth."""
    dollars = [
        _invoice(f"S{number}", date(2026, 1, 5), date(2026, 2, 4), "10.00", currency_code="USD")
        for number in range(14_000)
    ]
    rates = [
        {
            "rate_date": date(2026, 1, 1),
            "currency_code": "USD",
            "units_per_base": Decimal("1.07"),
            "base_currency_code": "EUR",
        }
    ]
    home, _ = _write_and_run(
        {"invoices": dollars, "fx_rates": rates}, tmp_path, "--reporting-currency", "EUR"
    )
    with duckdb.connect(str(home / "encours.duckdb"), read_only=True) as connection:
        columns = "round(receivables_amount, 5), round(revenue_amount, 5)"
        expected = round(Decimal(140_000) / Decimal("1.07"), 5)
        assert _month(connection, columns, "2026-01") == (expected, expected)


def test_what_rates_or_disputes_cannot_be_is_refused(tmp_path: Path, small: Feeds) -> None:
    small["fx_rates"] = [
        {
            "rate_date": date(2026, 5, 1),
            "currency_code": "EUR",
            "units_per_base": Decimal("2.00"),
            "base_currency_code": "EUR",
        }
    ]
    small["disputes"] = [
        {
            "entity_code": "FR",
            "dispute_id": "D1",
            "invoice_number": "F1",
            "opened_on": date(2026, 5, 2),
            "amount": Decimal("-40.00"),
        }
    ]
    _, result = _write_and_run(small, tmp_path, status=1)
    assert "one unit of the base currency is one unit of itself" in result.stderr
    assert "a disputed amount is zero or above" in result.stderr


def test_an_as_of_date_after_today_is_wrong_use(tmp_path: Path, small: Feeds) -> None:
    home, result = _write_and_run(small, tmp_path, "--as-of", "2999-12-31", status=2)
    assert "is later than" in result.stderr
    assert not (home / "encours.duckdb").exists()


def test_documents_after_the_as_of_date_do_not_choose_the_currency(
    tmp_path: Path, small: Feeds
) -> None:
    small["invoices"].append(
        _invoice("F3", date(2026, 7, 1), date(2026, 7, 31), "1.00", currency_code="USD")
    )
    home, _ = _write_and_run(small, tmp_path, "--as-of", "2026-05-31")
    with duckdb.connect(str(home / "encours.duckdb"), read_only=True) as connection:
        assert _month(connection, "receivables_amount, currency_code", "2026-05") == (150, "EUR")


def test_a_run_says_what_it_found_and_what_else_counts(tmp_path: Path, small: Feeds) -> None:
    small["allocations"] = [
        {
            "entity_code": "FR",
            "allocation_id": "A1",
            "invoice_number": "F99",
            "amount": Decimal("5.00"),
            "receipt_id": "R1",
        }
    ]
    small["receipts"] = [_receipt("R1", date(2026, 5, 3), "5.00")]
    home, result = _write_and_run(small, tmp_path)
    assert "Findings in the data: 1 warning. See the table audit.data_issues." in result.stdout
    with duckdb.connect(str(home / "encours.duckdb"), read_only=True) as connection:
        found = connection.execute(
            "select issue_code, source_file, source_row from audit.data_issues"
        ).fetchall()
    assert found == [("allocation_unknown_invoice", "allocations.csv", 2)]
    # A feed that the source no longer declares goes on counting, and the run says so.
    del small["allocations"], small["receipts"]
    _, result = _write_and_run(small, tmp_path)
    assert "Also counted: allocations, receipts of source hand_made" in result.stdout


def test_refused_rows_of_a_state_since_replaced_are_no_findings(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    source = write_feeds(
        {"invoices": [_invoice("F1", date(2026, 5, 1), date(2026, 5, 31), "100.00")]}, inbox
    )
    text = source.read_text(encoding="utf-8") + "max_rejected_rows: 5\n"
    source.write_text(text, encoding="utf-8")
    good = (inbox / "invoices.csv").read_text(encoding="utf-8")
    second = good.splitlines()[1].replace("F1", "F2")
    home = tmp_path / "home"
    (inbox / "invoices.csv").write_text(f"{good}{second.replace('100.00', 'oops')}\n", "utf-8")
    run_encours("ingest", source, "--home", home)
    assert len(list((home / "lake" / "rejected").iterdir())) == 1
    (inbox / "invoices.csv").write_text(f"{good}{second}\n", "utf-8")
    run_encours("run", source, "--home", home)
    with duckdb.connect(str(home / "encours.duckdb"), read_only=True) as connection:
        assert _one(connection, "select count(*) from audit.data_issues where is_open") == (0,)
