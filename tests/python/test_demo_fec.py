"""The demonstration company as exports and as ledgers (FEC) gives the same marts, cell by cell."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest
import yaml
from encours.demo import END, START, generate
from support import PROJECT, run_encours

pytestmark = pytest.mark.slow

# A company in which customers fail, discounts are taken back, and letters cross the years.
INVOICES, SEED = 1500, 5

# What the exports hold and a ledger cannot; all of it is left out of the exports, by `FEEDS` and
# `WHERE`, and nothing else is.
NOT_IN_A_LEDGER = {
    "entity GB03": "keeps its books in pounds, and a FEC is kept in euros; so no exchange rates",
    "disputes, reminders, promises, limits, insurance, costs of collection": "make no entries",
    "names of entities; segments, people, risk, doubt, groups, changes of customers": "no column; "
    "doubt is a balance on 416 there, with a beginning and an end",
    "due dates, terms, net amounts, units, salespeople, factoring of documents": "no column; terms "
    "of the customer stand in the source file",
    "what an invoice is paid twice, allocated to it": "a letter closes no more than there is open",
    "free cash flow": "no account says what was invested",
}
# What differs in the marts for it: the columns of a table to leave out, and the rows.
NOT_COMPARED = {
    "dim_customer": (
        (),
        "customer_code not in (select customer_code from marts.fct_open_item_history)",
        "a customer without entries is not in a ledger",
    ),
    "kpi_cash_cycle": (
        ("opening_inventory_amount", "dio_days", "ccc_days"),
        f"period_start <= date '{START}'",
        "the ledger opens with an inventory, the figures begin after it",
    ),
}
FEEDS: dict[str, str | None] = {
    "customers": "customer_code entity_code customer_name payment_terms",
    "invoices": "entity_code invoice_number customer_code issue_date gross_amount currency_code "
    "document_type applies_to_invoice_number opening_date",
    "receipts": None,
    "allocations": None,
    "write_offs": None,
    "provisions": None,
    "financials": "entity_code period_month cost_of_goods_sold purchases_amount inventory_amount "
    "payables_amount ebitda_amount cash_flow_amount",
    "control_balances": None,
}
WHERE = {
    "customers": "coalesce(Societe, '') <> 'GB03' and ValableDepuis is null",
    "allocations": "Lettrage not like 'L%-5'",
}


def exports_source(path: Path) -> Path:
    """Write the source file of the exports, without what a ledger cannot carry."""
    source = yaml.safe_load((PROJECT / "sources" / "demo.yml").read_text(encoding="utf-8"))
    files = []
    for file in source["files"]:
        feeds = {}
        for feed, mapping in file["feeds"].items():
            if feed not in FEEDS:
                continue
            columns = FEEDS[feed]
            wanted = columns.split() if columns else [name for name in mapping if name != "where"]
            conditions = ["coalesce(Societe, '') <> 'GB03'", WHERE.get(feed), mapping.get("where")]
            feeds[feed] = {name: mapping[name] for name in wanted}
            feeds[feed]["where"] = " and ".join(f"({each})" for each in conditions if each)
        if feeds:
            files.append({**file, "feeds": feeds})
    path.write_text(yaml.safe_dump({**source, "files": files}), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The published warehouse of the exports, and that of the ledgers."""
    folder = tmp_path_factory.mktemp("demo_fec")
    generate(folder / "exports", invoices=INVOICES, seed=SEED)
    generate(folder / "ledgers", invoices=INVOICES, seed=SEED, as_fec=True)
    runs = {
        "exports": exports_source(folder / "exports" / "exports.yml"),
        "ledgers": folder / "ledgers" / "fec.yml",
    }

    def run(name: str) -> Path:
        home = folder / f"{name}_home"
        run_encours("run", runs[name], "--home", home, "--as-of", str(END))
        return home / "encours.duckdb"

    with ThreadPoolExecutor() as pool:
        exports, ledgers = pool.map(run, runs)
    return exports, ledgers


def rows(database: Path, table: str) -> tuple[list[str], Counter[tuple[object, ...]]]:
    """Names of the columns, and the rows, of what is compared of a table."""
    columns, left_out, _ = NOT_COMPARED.get(table, ((), "false", ""))
    with duckdb.connect(str(database), read_only=True) as connection:
        # Without columns the rows are left out whole, else only these cells of them.
        replaced = ", ".join(f"if({left_out}, null, {name}) as {name}" for name in columns)
        change = f"replace ({replaced})" if columns else ""
        condition = "true" if columns else f"not ({left_out})"
        cursor = connection.execute(f"select * {change} from marts.{table} where {condition}")
        names = [column[0] for column in cursor.description or ()]
        return names, Counter(cursor.fetchall())


def test_exports_and_ledgers_give_the_same_marts(homes: tuple[Path, Path]) -> None:
    exports, ledgers = homes
    with duckdb.connect(str(exports), read_only=True) as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "select table_name from information_schema.tables where table_schema = 'marts'"
            ).fetchall()
        ]
    assert {"fct_open_item_history", "fct_receivables_daily", "kpi_dso"} <= set(tables)
    for table in tables:
        names, expected = rows(exports, table)
        found_names, found = rows(ledgers, table)
        assert found_names == names
        missing, surplus = expected - found, found - expected
        assert missing == surplus, (
            f"{table}: {missing.total()} rows only from the exports, {surplus.total()} only from "
            f"the ledgers, as {next(iter(missing), None)} and {next(iter(surplus), None)} "
            f"({', '.join(names)})"
        )


def test_every_kind_of_event_is_in_the_comparison(homes: tuple[Path, Path]) -> None:
    """A company without them would compare nothing."""
    ledgers = homes[1]
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in sorted((ledgers.parents[1] / "ledgers").glob("*FEC*.txt"))
    )
    for word in ("Escompte repris", "Rejet", "Remboursement", "Avoir", "Perte", "Créance douteuse"):
        assert f"\t{word} " in text, word
    with duckdb.connect(str(ledgers), read_only=True) as connection:
        sums = connection.execute(
            "select sum(revenue_amount), sum(collected_amount), sum(credit_note_amount), "
            "sum(write_off_amount), sum(discount_amount), sum(opening_items_amount), "
            "sum(unallocated_amount) from marts.kpi_dso "
            "where segment_type = 'all' and period_grain = 'month' and entity_code = 'ALL'"
        ).fetchone()
        assert sums is not None
        assert all(sums), sums
        assert connection.execute(
            "select count(*) from marts.kpi_credit_losses where provision_amount > 0"
        ).fetchone() != (0,)
        warnings = connection.execute(
            "select * from audit.data_issues where issue_code like 'fec%' and severity = 'warning'"
        ).fetchall()
    assert warnings == []
