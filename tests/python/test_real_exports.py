"""Real exports through the example sources: the figures their keepers computed come out exactly.

The exports are not part of the project. They are looked for in `ENCOURS_REAL_EXPORTS`, by default
in `shared/data` beside the checkout, and the checks are skipped where they are not there.
"""

import csv
import os
from collections.abc import Callable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import duckdb
import pytest
from encours.home import Home
from encours.ingest import ingest
from encours.lake import register
from encours.sources import load_source
from real_ibm_figures import figures
from support import EXAMPLES, PROJECT, run_encours

pytestmark = pytest.mark.slow

EXPORTS = Path(os.environ.get("ENCOURS_REAL_EXPORTS", PROJECT.parent / "shared" / "data"))

Published = Callable[[str], duckdb.DuckDBPyConnection]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """Runs an example source once, and opens what it published."""
    homes: dict[str, Path] = {}

    def run(name: str) -> duckdb.DuckDBPyConnection:
        if not (EXPORTS / name).is_dir():
            pytest.skip(f"the exports of {name} are not in {EXPORTS}")
        if name not in homes:
            homes[name] = tmp_path_factory.mktemp(name)
            run_encours(
                "run",
                EXAMPLES / f"{name}.yml",
                *("--inbox", EXPORTS / name),
                *("--home", homes[name]),
            )
        return duckdb.connect(str(homes[name] / "encours.duckdb"), read_only=True)

    return run


def _open_on(connection: duckdb.DuckDBPyConnection, day: str) -> tuple[object, ...]:
    """Count and amount of what is open, and of what is overdue, document by document."""
    row = connection.execute(
        """
        select
            count(*), sum(open_amount),
            count(*) filter (where due_date < $day),
            sum(open_amount) filter (where due_date < $day),
            sum(disputed_amount)
        from marts.fct_open_item_history
        where valid_from <= $day and $day < valid_to and open_amount <> 0
        """,
        {"day": date.fromisoformat(day)},
    ).fetchone()
    assert row is not None
    return row


def _buckets_on(connection: duckdb.DuckDBPyConnection, day: str) -> tuple[object, ...]:
    """The same from the daily balances of the group."""
    row = connection.execute(
        """
        select
            sum(item_count), sum(open_amount),
            sum(item_count) filter (where ageing_bucket <> 'not_due'),
            sum(open_amount) filter (where ageing_bucket <> 'not_due'),
            sum(disputed_amount)
        from marts.fct_receivables_daily
        where snapshot_date = $day and entity_code = 'ALL' and segment_type = 'all'
        """,
        {"day": date.fromisoformat(day)},
    ).fetchone()
    assert row is not None
    return row


@pytest.mark.parametrize(
    ("day", "open_items", "overdue", "disputed", "billings", "dso"),
    [
        ("2012-12-31", (99, "5725.06"), (13, "788.74"), "1700.31", "76064.07", 27.47),
        ("2013-06-30", (84, "5119.85"), (12, "835.56"), "1806.84", "78704.45", 23.74),
        ("2013-09-30", (88, "5029.22"), (7, "465.48"), "2003.32", "78583.42", 23.36),
    ],
)
def test_ibm_late_payments(
    published: Published,
    day: str,
    open_items: tuple[int, str],
    overdue: tuple[int, str],
    disputed: str,
    billings: str,
    dso: float,
) -> None:
    expected = (
        open_items[0],
        Decimal(open_items[1]),
        overdue[0],
        Decimal(overdue[1]),
        Decimal(disputed),
    )
    with published("ibm_late_payments") as connection:
        assert _open_on(connection, day) == expected
        assert _buckets_on(connection, day) == expected
        row = connection.execute(
            """
            select
                sum(revenue_amount),
                max_by(receivables_amount, period_start) / sum(revenue_amount) * 365
            from marts.kpi_dso
            where
                period_grain = 'day' and entity_code = 'ALL' and segment_type = 'all'
                and period_start > $day - 365 and period_start <= $day
            """,
            {"day": date.fromisoformat(day)},
        ).fetchone()
    assert row is not None
    assert row[0] == Decimal(billings)
    assert round(row[1], 2) == dso


def test_ibm_lateness_by_entity_and_quarter(published: Published) -> None:
    with published("ibm_late_payments") as connection:
        rows = connection.execute(
            """
            select
                period_start, entity_code, on_time_rate, avg_days_to_pay, avg_days_late_weighted
            from marts.kpi_collection
            inner join marts.kpi_payment_behaviour
            using (period_grain, period_start, entity_code, segment_type, segment_code)
            where period_grain = 'quarter' and segment_type = 'all'
            """
        ).fetchall()
    apart = figures(EXPORTS / "ibm_late_payments" / "accounts_receivable.csv")
    published_figures = {(row[0], row[1]): row[2:] for row in rows}
    assert published_figures.keys() == apart.keys()
    for key, sums in apart.items():
        for value, expected in zip(published_figures[key], sums.values(), strict=True):
            if expected is None:
                assert value is None, key
            else:
                assert value == pytest.approx(expected, rel=1e-12), key


@pytest.mark.parametrize(
    ("day", "open_items", "overdue", "open_disputes"),
    [
        ("2024-06-30", (483, "280845.80"), (398, "209266.02"), 27),
        ("2025-06-30", (872, "445732.75"), (767, "375286.79"), 42),
    ],
)
def test_ar_disputes(
    published: Published,
    day: str,
    open_items: tuple[int, str],
    overdue: tuple[int, str],
    open_disputes: int,
) -> None:
    expected = (open_items[0], Decimal(open_items[1]), overdue[0], Decimal(overdue[1]))
    with published("ar_disputes") as connection:
        assert _open_on(connection, day)[:4] == expected
        assert _buckets_on(connection, day)[:4] == expected
        disputed = connection.execute(
            "select count(*) from marts.fct_open_item_history "
            "where valid_from <= $day and $day < valid_to and is_disputed",
            {"day": date.fromisoformat(day)},
        ).fetchone()
        counted = connection.execute(
            "select open_dispute_count from marts.kpi_disputes where as_of_date = $day "
            "and period_grain = 'month' and entity_code = 'ALL' and segment_type = 'all'",
            {"day": date.fromisoformat(day)},
        ).fetchone()
    assert disputed == (open_disputes,)
    assert counted == (open_disputes,)


def test_open_items_are_what_the_file_holds(published: Published) -> None:
    """Six entities, no payments: every line is open on the last day, at its value in cents."""
    with published("open_items") as connection:
        found = connection.execute(
            "select entity_code, count(*), sum(open_amount) from marts.fct_open_items "
            "group by all order by all"
        ).fetchall()
        revenue = connection.execute(
            "select max(abs(revenue_amount)) from marts.kpi_dso"
        ).fetchone()
        customers = connection.execute(
            "select count(*) from marts.dim_customer where customer_code like '0%'"
        ).fetchone()
    expected: dict[str, tuple[int, Decimal]] = {}
    with (EXPORTS / "open_items" / "open_items_usd.csv").open(encoding="utf-8") as stream:
        for line in csv.DictReader(stream):
            count, amount = expected.get(line["business_code"], (0, Decimal(0)))
            # 1234.5649999999998 was 1234.565 before it went through floating point.
            exact = Decimal(line["converted_usd"]).quantize(Decimal("1e-12"), ROUND_HALF_UP)
            cents = exact.quantize(Decimal("0.01"), ROUND_HALF_UP)
            expected[line["business_code"]] = (count + 1, amount + cents)
    assert {code: (count, amount) for code, count, amount in found} == expected
    assert revenue == (0,), "items taken over are no revenue"
    assert customers == (0,), "customer numbers are the same with and without leading zeros"


def test_xero_counts_sales_only(published: Published) -> None:
    """116 of 117 sales documents (one is deleted), in two currencies, at 1 / rate in CAD."""
    with published("xero") as connection:
        documents = connection.execute(
            "select currency_code, count(distinct document_number) "
            "from marts.fct_open_item_history where item_type <> 'receipt' "
            "group by all order by all"
        ).fetchall()
        still_open = connection.execute(
            "select currency_code, sum(open_amount) from marts.fct_open_items "
            "group by all order by all"
        ).fetchall()
        converted = connection.execute(
            "select document_number, open_amount, open_amount_reporting, reporting_currency_code "
            "from marts.fct_open_items where currency_code = 'GBP'"
        ).fetchall()
    sales: dict[str, int] = {}
    due: dict[str, Decimal] = {}
    rates: list[tuple[str, str, Decimal]] = []
    with (EXPORTS / "xero" / "xero_invoice_data.csv").open(encoding="utf-8") as stream:
        for line in csv.DictReader(stream):
            if line["type"] == "ACCREC" and line["status"] not in ("DELETED", "VOIDED", "DRAFT"):
                code = line["currency_code"]
                sales[code] = sales.get(code, 0) + 1
                due[code] = due.get(code, Decimal(0)) + Decimal(line["amount_due"])
                rates.append((code, line["date"], Decimal(line["currency_rate"])))
    assert dict(documents) == sales
    assert sum(sales.values()) == 116
    assert dict(still_open) == {code: amount for code, amount in due.items() if amount}
    newest = max(day for code, day, _ in rates if code == "GBP")
    gbp_rates = {rate for code, day, rate in rates if code == "GBP" and day == newest}
    for _, amount, reporting, currency in converted:
        assert currency == "CAD"
        # One pound was worth about 1.77 Canadian dollars, not 0.56.
        assert any(abs(amount / rate - reporting) < Decimal("0.000001") for rate in gbp_rates)


def _fec_apart(path: Path) -> dict[str, Decimal]:
    """Ageing at closing with 30-day terms, by a loop over the lines of account 411.

    Within a letter of a customer, receipts and credit notes pay the invoice of their amount, then
    the oldest first; everything else stays as it is.
    """
    groups: dict[tuple[str, str], list[tuple[date, int]]] = {}
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for place, line in enumerate(csv.DictReader(stream, delimiter="\t")):
            if line["CompteNum"].startswith("411"):
                cents = int(line["Debit"].replace(",", "")) - int(line["Credit"].replace(",", ""))
                letter = line["EcritureLet"] or f"line {place}"
                day = date(
                    *map(
                        int, (line["PieceDate"][:4], line["PieceDate"][4:6], line["PieceDate"][6:])
                    )
                )
                groups.setdefault((line["CompAuxNum"], letter), []).append((day, cents))
    ages = {"unallocated": 0, "not_due": 0, "1-30": 0, "31-60": 0, "61-90": 0, "90+": 0}
    for lines in groups.values():
        lines.sort(key=lambda line: line[0])
        owed = [[day, cents] for day, cents in lines if cents > 0]
        paid = [-cents for _, cents in lines if cents < 0]
        for place, amount in enumerate(paid):
            for item in owed:
                if item[1] == amount:
                    item[1] = paid[place] = 0
                    break
        for place in range(len(paid)):
            for item in owed:
                part = min(item[1], paid[place])
                item[1] -= part
                paid[place] -= part
        ages["unallocated"] -= sum(paid)
        for day, cents in owed:
            late = (date(2022, 8, 31) - day).days - 30
            bucket = (
                "not_due"
                if late <= 0
                else "1-30"
                if late <= 30
                else "31-60"
                if late <= 60
                else "61-90"
                if late <= 90
                else "90+"
            )
            ages[bucket] += cents
    return {bucket: Decimal(cents) / 100 for bucket, cents in ages.items()}


def test_fec(published: Published) -> None:
    """One year of a real ledger: 411 at closing, 17 customers, openings that are no revenue."""
    with published("fec") as connection:
        customers = connection.execute("select count(*) from marts.dim_customer").fetchone()
        row = connection.execute(
            "select receivables_amount, opening_items_amount, unallocated_amount, not_due_amount, "
            "overdue_amount, over_30_amount, over_60_amount, over_90_amount "
            "from marts.kpi_dso inner join marts.kpi_ageing "
            "using (period_grain, period_start, entity_code, segment_type, segment_code, "
            "receivables_amount, unallocated_amount, not_due_amount, overdue_amount) "
            "where period_grain = 'month' and entity_code = '000000001' "
            "and segment_type = 'all' and period_start = date '2022-08-01'"
        ).fetchone()
        flows = connection.execute(
            "select sum(opening_items_amount), sum(revenue_amount), "
            "count(*) filter (where dso_days is not null) from marts.kpi_dso "
            "where period_grain = 'month' and entity_code = '000000001' and segment_type = 'all'"
        ).fetchone()
    ages = _fec_apart(EXPORTS / "fec" / "000000001FEC20220831.txt")
    assert customers == (17,)
    assert row is not None
    assert flows is not None
    over_30, over_60 = ages["31-60"] + ages["61-90"] + ages["90+"], ages["61-90"] + ages["90+"]
    assert row == (
        Decimal("52517.24"),
        0,
        ages["unallocated"],
        ages["not_due"],
        ages["1-30"] + over_30,
        over_30,
        over_60,
        ages["90+"],
    )
    assert flows[0] == Decimal("59146.90")
    assert flows[2] == 12


def test_fec_closes_every_balanced_letter(published: Published) -> None:
    with published("fec") as connection:
        still_open = {
            row[0]
            for row in connection.execute(
                "select document_number from marts.fct_open_items"
            ).fetchall()
        }
    letters: dict[tuple[str, str], list[tuple[int, set[str]]]] = {}
    path = EXPORTS / "fec" / "000000001FEC20220831.txt"
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for number, line in enumerate(csv.DictReader(stream, delimiter="\t"), 2):
            if line["CompteNum"].startswith("411") and line["EcritureLet"]:
                cents = int(line["Debit"].replace(",", "")) - int(line["Credit"].replace(",", ""))
                names = {
                    line["PieceRef"],
                    "/".join(
                        (
                            line["JournalCode"].strip(),
                            line["EcritureNum"],
                            line["EcritureDate"],
                            str(number),
                        )
                    ),
                }
                letters.setdefault((line["CompAuxNum"], line["EcritureLet"]), []).append(
                    (cents, names)
                )
    balanced = [lines for lines in letters.values() if not sum(cents for cents, _ in lines)]
    assert len(balanced) == 119
    for lines in balanced:
        assert not any(names & still_open for _, names in lines)


def test_ecb_rates(tmp_path: Path) -> None:
    folder = EXPORTS / "ecb_fx"
    if not folder.is_dir():
        pytest.skip(f"the exports of ecb_fx are not in {EXPORTS}")
    now = datetime(2026, 1, 1)  # noqa: DTZ001 - UTC, as the lake keeps it
    home = Home(tmp_path)
    ingest(home, [load_source(EXAMPLES / "ecb_rates.yml")], folder, now, lambda _: None)
    with (folder / "eurofxref-hist.csv").open(encoding="utf-8", newline="") as stream:
        expected = {
            (date.fromisoformat(row["Date"]), currency): Decimal(row[currency])
            for row in csv.DictReader(stream)
            for currency in ("USD", "GBP", "CHF", "JPY")
            if row[currency] != "N/A"
        }
    with duckdb.connect() as connection:
        register(connection, home, None)
        rows = connection.execute(
            "select rate_date, currency_code, units_per_base, base_currency_code from raw.fx_rates"
        ).fetchall()
    assert {(day, currency): rate for day, currency, rate, _ in rows} == expected
    assert len(rows) == len(expected)
    assert {base for *_, base in rows} == {"EUR"}
