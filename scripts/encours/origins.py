"""Where the columns of a feed come from in the files of a source, as a load writes it down."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import duckdb

from encours.delivery import Delivered, Group
from encours.fec import columns_of
from encours.lake import ColumnOrigin, LoadedMapping, quoted
from encours.readers import Table
from encours.sources import ColumnMapping

_AMOUNT = "debit credit value side"
_ENTRY = f"journal number day account auxiliary piece letter {_AMOUNT}"
_BY_ENTRIES = "from whole entries, by ADR 0017"
_FEC: Mapping[str, Mapping[str, str]] = {
    "customers": {
        "customer_code": "auxiliary account",
        "customer_name": "auxiliary_name account_name",
        "is_doubtful": f"account {_AMOUNT}",
    },
    "invoices": {
        "invoice_number": "piece journal number day",
        "customer_code": "auxiliary account",
        "issue_date": "day piece_day",
        "gross_amount": _AMOUNT,
        "document_type": "account journal journal_name",
        "opening_date": "day",
    },
    "receipts": {
        "receipt_id": "piece journal number day",
        "customer_code": "auxiliary account",
        "receipt_date": "day",
        "amount": _AMOUNT,
        "method": "account",
        "reference": "label",
        "reversed_on": "day",
    },
    "allocations": {
        "allocation_id": "journal number day",
        "invoice_number": "piece journal number day",
        "amount": _AMOUNT,
        "allocation_date": "day letter_day",
        "kind": "account",
        "receipt_id": "piece journal number day",
        "credit_note_number": "piece journal number day",
    },
    "write_offs": {
        "write_off_id": "journal number day",
        "invoice_number": "piece journal number day",
        "write_off_date": "day",
        "amount": _AMOUNT,
        "reason_code": "label",
    },
    "provisions": {
        "customer_code": "auxiliary account",
        "provision_date": "day",
        "provision_amount": _AMOUNT,
    },
    "financials": {"period_month": "day"}
    | dict.fromkeys(
        (
            "cost_of_goods_sold",
            "purchases_amount",
            "inventory_amount",
            "payables_amount",
            "ebitda_amount",
            "cash_flow_amount",
        ),
        _AMOUNT,
    ),
    "control_balances": {"balance_date": "day", "balance_amount": _AMOUNT},
    "reading_issues": {},
}
"""What the reader of ledgers makes the columns of a feed of, by the names that `fec` gives."""


def mappings_of(
    connection: duckdb.DuckDBPyConnection,
    groups: Sequence[Group],
    tables: Mapping[int, Table],
) -> list[LoadedMapping]:
    """How the files of a load were mapped, by source, entry and feed.

    Args:
        connection: Any open connection; it reads the SQL of the sources.
        groups: What was loaded.
        tables: The tables of the files by `id` of the file.
    """
    found = []
    for group in groups:
        entries: dict[int, Delivered] = {}
        for file in group.files:
            entries.setdefault(file.entry, file)
        for file in entries.values():
            names = [name for name in tables[id(file)].columns if name]
            mapping = file.spec.feeds[group.feed.name]
            mapped = file.source.mapped(file.spec, group.feed)
            if file.spec.format == "fec":
                columns, rows = _of_ledger(group.feed.name, names)
            else:
                columns = {
                    name: _origin(connection, origin, names) for name, origin in mapped.items()
                }
                rows = ColumnOrigin(columns=[], expression=None)
                if mapping.where is not None:
                    used = _columns_in(connection, mapping.where, names)
                    rows = ColumnOrigin(columns=used, expression=mapping.where.strip())
            found.append(
                LoadedMapping(
                    source=group.source.name,
                    feed=group.feed.name,
                    path=file.spec.path,
                    columns=columns,
                    rows=rows,
                )
            )
    return found


def _of_ledger(feed: str, names: Sequence[str]) -> tuple[dict[str, ColumnOrigin], ColumnOrigin]:
    known = columns_of(names)

    def origin(parts: str) -> ColumnOrigin:
        columns = [known[part] for part in parts.split() if part in known]
        return ColumnOrigin(columns=columns, expression=_BY_ENTRIES)

    columns = {name: origin(parts) for name, parts in _FEC[feed].items()}
    return columns, origin(_ENTRY)


def _origin(
    connection: duckdb.DuckDBPyConnection, origin: ColumnMapping, names: Sequence[str]
) -> ColumnOrigin:
    if origin.column is not None:
        return ColumnOrigin(columns=[origin.column], expression=None)
    if origin.sql is not None:
        used = _columns_in(connection, origin.sql, names)
        return ColumnOrigin(columns=used, expression=origin.sql.strip())
    return ColumnOrigin(columns=[], expression=quoted(origin.value or ""))


def _columns_in(connection: duckdb.DuckDBPyConnection, sql: str, names: Sequence[str]) -> list[str]:
    """The columns of a file that SQL of its source uses, as the file writes them."""
    row = connection.execute("select json_serialize_sql(?)", [f"select (\n{sql}\n)"]).fetchone()
    tree = json.loads(row[0]) if row else {}
    used = {name.lower() for name in _references(tree)}
    return [name for name in names if name.lower() in used]


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if node.get("class") == "COLUMN_REF":
            yield str(node["column_names"][-1])
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)
