"""Every row and column of a published warehouse against the reference."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import duckdb

from reference import families_collection, families_customers, families_dunning
from reference.figures import COUNTBACK_BOUNDS, GROUP, OutputRow
from reference.kpis import KEYS, Reference
from reference.seeds import seed

# Converted amounts are rounded to six decimals one by one before they are added up.
CONVERTED_TOLERANCE = 0.0001
# Ratios are doubles made of exact parts.
RATIO_TOLERANCE = 1e-9
# Days; a countback of converted amounts moves by rounding over the revenue of its last month.
COUNTBACK_TOLERANCE = 0.01

# Ratios and what they are over, which says how far they may be off when their parts may.
DENOMINATORS: dict[str, Sequence[str | Callable[[OutputRow], Any]]] = {
    "dso_days": ["revenue_amount"],
    "bpdso_days": ["revenue_amount"],
    "add_days": ["revenue_amount"],
    "dso_rolling_3m_days": ["rolling_3m_revenue_amount"],
    "dso_rolling_12m_days": ["rolling_12m_revenue_amount"],
    "dso_average_days": ["revenue_amount"],
    "dso_countback_days": [],
    "dso_excluding_factored_days": [
        lambda row: row["revenue_amount"] - row["factored_revenue_amount"]
    ],
    "theoretical_ratio": ["theoretical_receivables_amount"],
    "overdue_rate": ["open_invoices_amount"],
    "over_30_rate": ["open_invoices_amount"],
    "over_60_rate": ["open_invoices_amount"],
    "over_90_rate": ["open_invoices_amount"],
    "over_30_rate_change": ["open_invoices_amount", "opening_open_invoices_amount"],
    "over_60_rate_change": ["open_invoices_amount", "opening_open_invoices_amount"],
    "over_90_rate_change": ["open_invoices_amount", "opening_open_invoices_amount"],
    "overdue_to_revenue": ["revenue_amount"],
    "share": ["open_invoices_amount"],
    "bucket_recovery_rate": ["opening_amount"],
    "roll_rate": ["opening_amount"],
    **families_collection.DENOMINATORS,
    **families_dunning.DENOMINATORS,
    **families_customers.DENOMINATORS,
}
# Amounts that are rounded in the reporting currency too, and the ratios made of them.
PRODUCTS = families_collection.PRODUCTS | families_customers.PRODUCTS
# The longest time between two days of a random company, such as a due date and a receipt.
LONGEST_DAYS = 20_500

# An entity and its rows.
Block = tuple[str, list[tuple[Any, ...]]]
NOTHING: Block = ("", [])


@dataclass(frozen=True)
class Mismatch:
    """One value that differs, or one row that is missing or too many (column is `row`)."""

    entity_code: str
    table: str
    key: tuple[Any, ...]
    column: str
    expected: Any
    got: Any

    def __str__(self) -> str:
        key = ", ".join(
            f"{name}={value}" for name, value in zip(KEYS[self.table], self.key, strict=True)
        )
        return (
            f"{self.table}.{self.column} [{key}]: expected {_text(self.expected)},"
            f" got {_text(self.got)}"
        )


class Warehouse:
    """A published warehouse file, read-only."""

    def __init__(self, path: Path) -> None:
        self._connection = duckdb.connect(str(path), read_only=True)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def columns(self, table: str) -> list[str]:
        """Columns of a published table."""
        return list(self._types(table))

    def by_entity(self, table: str) -> Iterator[Block]:
        """Rows of a published table, entity by entity, the group last.

        Decimals come as doubles, which is much faster, and exact below a thousand million.
        """
        types = self._types(table)
        values = ", ".join(
            f"{column}::double" if type_.startswith("DECIMAL") else column
            for column, type_ in types.items()
        )
        cursor = self._connection.cursor()
        cursor.execute(
            f"select {values} from marts.{table} order by entity_code = '{GROUP}', entity_code"
        )

        def rows() -> Iterator[tuple[Any, ...]]:
            while batch := cursor.fetchmany(20_000):
                yield from batch

        place = list(types).index("entity_code")
        for entity_code, group in groupby(rows(), key=lambda row: row[place]):
            yield entity_code, list(group)

    def _types(self, table: str) -> dict[str, str]:
        described = self._connection.execute(f"describe marts.{table}").fetchall()
        return {column: type_ for column, type_, *_ in described}


def compare(
    warehouse: Warehouse, reference: Reference, tables: Iterable[str] = tuple(KEYS)
) -> Iterator[Mismatch]:
    """Yield every difference between a warehouse and the reference, entity by entity."""
    reporting_currency = reference.ledger.reporting_currency
    currencies = _currencies(reference)

    columns = {table: warehouse.columns(table) for table in tables}
    published = {table: warehouse.by_entity(table) for table in tables}
    ahead = {table: next(published[table], NOTHING) for table in tables}
    for entity_code in [*reference.entities(), GROUP]:
        for table in tables:
            in_table = currencies[entity_code, ""] | currencies[entity_code, _kind(table)]
            is_exact = in_table <= {reporting_currency}
            # Entities on the way to this one should have nothing there.
            while ahead[table] is not NOTHING and _order(ahead[table][0]) < _order(entity_code):
                yield from compare_rows(table, ahead[table], [], columns[table], is_exact)
                ahead[table] = next(published[table], NOTHING)
            got: Block = (entity_code, [])
            if ahead[table][0] == entity_code:
                got, ahead[table] = ahead[table], next(published[table], NOTHING)
            expected: list[OutputRow] = []
            if entity_code != GROUP or not table.startswith("fct_open_item"):
                expected = list(reference.rows(table, entity_code))
            yield from compare_rows(table, got, expected, columns[table], is_exact)
        reference.forget(entity_code)


def _kind(table: str) -> str:
    """What a table converts besides the amounts of items."""
    if table.startswith("kpi_credit_exposure"):
        return "limits"
    return "fees" if table == "kpi_payment_behaviour" else ""


def _currencies(reference: Reference) -> defaultdict[tuple[str, str], set[str]]:
    """Currencies of items, and of limits and fees that concern them, by entity and the group."""
    found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    customers = set()
    for item in reference.ledger.items:
        customers.add((item.entity_code, item.customer_code))
        for entity_code in (GROUP, item.entity_code):
            found[entity_code, ""].add(item.currency_code)
            found[entity_code, "fees"] |= {row["currency_code"] for row in seed("flat_fees")}
    for feed in ("credit_limits", "credit_insurance"):
        for row in reference.ledger.feeds.get(feed, []):
            for entity_code, customer_code in customers:
                is_owner = row.get("entity_code") in (None, entity_code)
                if is_owner and customer_code == row["customer_code"]:
                    for owner in (GROUP, entity_code):
                        found[owner, "limits"].add(row["currency_code"])
    return found


def _order(entity_code: str) -> tuple[bool, str]:
    return entity_code == GROUP, entity_code


def compare_rows(
    table: str,
    got: Block,
    expected: list[OutputRow],
    columns: list[str],
    is_exact: bool,
) -> Iterator[Mismatch]:
    """Yield the differences of one table and entity.

    Args:
        table: Name of the table.
        got: The entity and its published rows.
        expected: Rows of the reference.
        columns: What the published values stand for.
        is_exact: Whether every amount is in reporting currency, so that none may be off.
    """
    entity_code, published = got
    key_columns = KEYS[table]
    places = [columns.index(name) for name in key_columns]
    compared = [
        (place, name) for place, name in enumerate(columns) if expected and name in expected[0]
    ]
    unpublished = {name for row in expected[:1] for name in row if name not in columns}
    if missing := ", ".join(sorted(unpublished - {COUNTBACK_BOUNDS})):
        blank = tuple(entity_code if name == "entity_code" else None for name in key_columns)
        yield Mismatch(entity_code, table, blank, missing, "a column", None)

    wanted = {tuple(row[name] for name in key_columns): row for row in expected}
    if len(wanted) < len(expected):
        raise AssertionError(f"{table}: the key of the reference is not one")
    seen = set()
    for values in published:
        key = tuple(values[place] for place in places)
        row = wanted.get(key)
        if row is None or key in seen:
            reason = "a row too many" if row is None else "the same row twice"
            yield Mismatch(entity_code, table, key, "row", None, reason)
            continue
        seen.add(key)
        for place, column in compared:
            value, want = values[place], row[column]
            if want.__class__ is Decimal:
                want = float(want)
            if value == want and (value is None) == (want is None):
                continue
            exact = is_exact or (
                table.startswith("fct_open_item") and column != "open_amount_reporting"
            )
            exact = exact and column not in PRODUCTS
            if not _is_close(column, row, want, value, exact):
                yield Mismatch(entity_code, table, key, column, row[column], value)
    for key in (key for key in wanted if key not in seen):
        yield Mismatch(entity_code, table, key, "row", "a row", None)


def is_ratio(column: str) -> bool:
    """Whether a column holds a ratio, which is a double."""
    return column in DENOMINATORS


def possible_error(column: str, row: OutputRow) -> float:
    """How far a ratio may be off where its parts are as far off as converted amounts may be.

    Infinite where rounding alone can make the denominator what it is.
    """
    denominators = [_denominator(row, name) for name in DENOMINATORS[column]]
    smallest = min((abs(float(value)) for value in denominators if value is not None), default=0.0)
    if smallest == 0.0:
        parts = families_collection.DIFFERENCES.get(column, [])
        return math.inf if any(row[name] for name in parts) else 0.0
    if smallest <= CONVERTED_TOLERANCE:
        return math.inf
    multiple = 366 if column.endswith("_days") else 1
    if column in families_collection.WEIGHTED_DAYS:
        multiple = LONGEST_DAYS
    # A change is as far off as the rates it is made of.
    ratio = max(abs(float(row[name] or 0)) for name in (column, column.removesuffix("_change")))
    return 4 * CONVERTED_TOLERANCE * (multiple + ratio) / smallest


def _denominator(row: OutputRow, made_of: str | Callable[[OutputRow], Any]) -> Any:
    """A column, the sum of two, or what is made of them."""
    if not isinstance(made_of, str):
        return made_of(row)
    values = [row[part] for part in made_of.split(" + ")]
    return None if None in values else sum(values)


def _is_close(column: str, row: OutputRow, want: object, got: object, is_exact: bool) -> bool:
    if column == "dso_countback_days" and not is_exact:
        return _is_countback(row[COUNTBACK_BOUNDS], want, got)
    if is_ratio(column):
        slack = 0.0 if is_exact else possible_error(column, row)
        if not isinstance(want, float) or not isinstance(got, float):
            return slack == math.inf
        # A difference of two ratios is as exact as the larger one.
        parts = ("dso_days", "dio_days", "dpo_days")
        scale = max(1.0, abs(want), *(abs(float(row.get(name) or 0)) for name in parts))
        return abs(got - want) <= slack + RATIO_TOLERANCE * scale
    if is_exact or not isinstance(want, float) or not isinstance(got, float):
        return False
    return abs(got - want) <= possible_difference(column, row)


def possible_difference(column: str, row: OutputRow) -> float:
    """How far an amount may be off that is converted, or a product."""
    if column == "overdue_amount_days":
        return CONVERTED_TOLERANCE * int(row["days_in_period"])
    if column.endswith("_weight"):
        return CONVERTED_TOLERANCE * LONGEST_DAYS
    return CONVERTED_TOLERANCE


def _is_countback(bounds: list[Decimal | None], want: object, got: object) -> bool:
    """Whether a countback is what some receivables within the tolerance make it."""
    possible = [None if bound is None else float(bound) for bound in bounds]
    possible.append(want if isinstance(want, float) else None)
    if not isinstance(got, float):
        return None in possible
    days = sorted(value for value in possible if value is not None)
    # Between a number of days and a history that ends first there is the rest of a month.
    if not isinstance(want, float) and days and 0 <= got - days[0] + COUNTBACK_TOLERANCE < 1:
        return True
    return any(abs(got - value) <= COUNTBACK_TOLERANCE for value in days) or any(
        low <= got <= high for low, high in pairwise(days) if high - low < 1
    )


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return "NULL" if value is None else str(value)
