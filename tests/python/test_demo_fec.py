"""The demonstration company as exports and as ledgers (FEC) gives the same marts, cell by cell."""

from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from encours.demo import END, generate
from support import PROJECT, run_encours

pytestmark = pytest.mark.slow

INVOICES = 1500
ENTITIES = ("FR01", "DE02")

# What the exports tell and a ledger cannot: left out of the exports here.
NOT_IN_A_LEDGER = {
    "GB03": "keeps its books in pounds; a FEC is kept in euros",
    "disputes, reminders, promises, credit_limits, credit_insurance, collection_costs": "no entries",
    "entities, customers": "only code, name and terms; neither segments nor people nor risk",
    "invoices": "no due date or terms of its own, only those of the customer; no net amount, unit, "
    "salesperson, factor or insurability",
    "receipts that pay an invoice twice": "a ledger letters no more than there is to pay",
    "free cash flow": "no account tells investments from costs",
}
FEEDS = {
    "customers": ("customer_code", "entity_code", "customer_name", "payment_terms"),
    "invoices": (
        "entity_code invoice_number customer_code issue_date gross_amount currency_code "
        "document_type applies_to_invoice_number opening_date"
    ).split(),
    "receipts": None,
    "allocations": None,
    "write_offs": None,
    "provisions": None,
    "financials": (
        "entity_code period_month cost_of_goods_sold purchases_amount inventory_amount "
        "payables_amount ebitda_amount cash_flow_amount"
    ).split(),
    "control_balances": None,
}
WHERE = {
    "customers": "coalesce(Societe, '') <> 'GB03'",
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
            wanted = FEEDS[feed] or [name for name in mapping if name != "where"]
            conditions = ["coalesce(Societe, '') <> 'GB03'", WHERE.get(feed), mapping.get("where")]
            feeds[feed] = {name: mapping[name] for name in wanted}
            feeds[feed]["where"] = " and ".join(f"({each})" for each in conditions if each)
        if feeds:
            files.append({**file, "feeds": feeds})
    path.write_text(yaml.safe_dump({**source, "files": files}), encoding="utf-8")
    return path
