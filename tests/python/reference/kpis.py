"""Published tables, row by row, from the ledger."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from datetime import date
from typing import Any

from reference import families_collection, families_customers, families_dunning, figures
from reference.figures import (
    GROUP,
    Figures,
    OutputRow,
    Period,
    Stays,
    Table,
    periods,
    stays_of,
)
from reference.ledger import END_OF_TIME, SEGMENT_COLUMNS, Feeds, Item, Ledger

HISTORY_KEY = ["item_type", "entity_code", "document_number"]

TABLES: dict[str, Table] = {
    **figures.TABLES,
    **families_collection.TABLES,
    **families_dunning.TABLES,
    **families_customers.TABLES,
}

KEYS: dict[str, list[str]] = {
    **{name: table.key for name, table in TABLES.items()},
    "fct_receivables_daily": [
        "snapshot_date",
        "entity_code",
        "segment_type",
        "segment_code",
        "ageing_bucket",
    ],
    "fct_open_item_history": [*HISTORY_KEY, "valid_from"],
    "fct_open_items": HISTORY_KEY,
}


class Reference:
    """Published tables of a warehouse.

    Args:
        feeds: Rows of the canonical feeds, values typed.
        as_of: Last day known; None for the last day on which anything moved.
        run_day: Day of the run, which a default as-of never passes.
        reporting_currency: Currency of the figures.
    """

    def __init__(
        self,
        feeds: Feeds,
        as_of: date | None = None,
        run_day: date = END_OF_TIME,
        reporting_currency: str = "EUR",
    ) -> None:
        self.ledger = Ledger(feeds, as_of, run_day, reporting_currency)
        self._figures: dict[str, dict[tuple[str, str], Figures]] = {}
        self._own_slices: dict[tuple[str, Any], Mapping[tuple[str, str], Any]] = {}

    def entities(self) -> list[str]:
        """Entities that have an item, without the group."""
        return sorted({item.entity_code for item in self.ledger.items})

    def rows(self, table: str, entity_code: str) -> Iterator[OutputRow]:
        """Rows of a published table for one entity or the group."""
        if table == "fct_open_item_history":
            return self._history(entity_code)
        if table == "fct_open_items":
            return self._open_items(entity_code)
        if table == "fct_receivables_daily":
            return self._receivables_daily(entity_code)
        return self._kpi(table, entity_code)

    def forget(self, entity_code: str) -> None:
        """Drop what was kept for an entity, to save memory."""
        self._figures.pop(entity_code, None)
        for key in [key for key in self._own_slices if key[0] == entity_code]:
            del self._own_slices[key]

    def _items(self, entity_code: str) -> list[Item]:
        return [item for item in self.ledger.items if entity_code in (GROUP, item.entity_code)]

    def _slices(self, entity_code: str) -> dict[tuple[str, str], Figures]:
        """Figures of each (segment type, segment code)."""
        if entity_code not in self._figures:
            as_of = self.ledger.as_of
            slices: dict[tuple[str, str], list[Item]] = {}
            stays: dict[tuple[str, str], dict[Item, Stays]] = {}
            for item in self._items(entity_code):
                slices.setdefault(("all", GROUP), []).append(item)
                slices.setdefault(("customer", item.customer_code), []).append(item)
                days = [item.booking_date, *item.changed_segments_on()]
                for segment_type in SEGMENT_COLUMNS:
                    codes = [item.attributes_on(day)[segment_type] for day in days if day <= as_of]
                    for code in dict.fromkeys(codes):
                        key = (segment_type, code)
                        slices.setdefault(key, []).append(item)
                        if len(set(codes)) > 1:
                            stays.setdefault(key, {})[item] = stays_of(item, *key, as_of)
            since = families_customers.first_provisions(self.ledger, entity_code)
            for key in since:
                slices.setdefault(key, [])
            shared: dict[Hashable, Figures] = {}
            found = {}
            for key, items in slices.items():
                in_slice = stays.get(key, {})
                first_provision = since.get(key, END_OF_TIME)
                content = (tuple(items), tuple(in_slice.items()), first_provision)
                found[key] = Figures(
                    self.ledger,
                    items,
                    entity_code,
                    *key,
                    in_slice,
                    first_provision,
                    shared.get(content),
                )
                shared.setdefault(content, found[key])
            self._figures[entity_code] = found
        return self._figures[entity_code]

    def _slices_of(self, table: Table, entity_code: str) -> Mapping[tuple[str, str], Any]:
        """What the rows of a table are made from, by (segment type, segment code)."""
        if table.slices is None:
            return self._slices(entity_code)
        if (entity_code, table.slices) not in self._own_slices:
            self._own_slices[entity_code, table.slices] = table.slices(self.ledger, entity_code)
        return self._own_slices[entity_code, table.slices]

    def _kpi(self, name: str, entity_code: str) -> Iterator[OutputRow]:
        as_of = self.ledger.as_of
        table = TABLES[name]
        for (segment_type, segment_code), of_slice in self._slices_of(table, entity_code).items():
            for grain in table.grains:
                if grain == "day" and segment_type == "customer":
                    continue
                for period in periods(grain, of_slice.first_day, as_of):
                    as_of_date = min(period.end, as_of)
                    slice_columns = {
                        "period_grain": grain,
                        "period_start": period.start,
                        "period_end": period.end,
                        "as_of_date": as_of_date,
                        "days_in_period": (as_of_date - period.start).days + 1,
                        "is_period_complete": period.end <= as_of,
                        "entity_code": entity_code,
                        "segment_type": segment_type,
                        "segment_code": segment_code,
                        "currency_code": self.ledger.reporting_currency,
                    }
                    found = self._made(name, table, of_slice, period)
                    for row in found if isinstance(found, list) else [found]:
                        yield slice_columns | row

    def _made(
        self, name: str, table: Table, of_slice: Any, period: Period
    ) -> OutputRow | list[OutputRow]:
        if table.slices is None and table.is_of_items:
            made: OutputRow | list[OutputRow] = of_slice.once(
                (name, period), lambda: table.make(of_slice, period)
            )
            return made
        return table.make(of_slice, period)

    def _receivables_daily(self, entity_code: str) -> Iterator[OutputRow]:
        for (segment_type, segment_code), of_slice in self._slices(entity_code).items():
            if segment_type == "customer":
                continue
            for day in (p.start for p in periods("day", of_slice.first_day, self.ledger.as_of)):
                position = of_slice.position(day)
                for bucket, item_count in position.item_counts.items():
                    yield {
                        "snapshot_date": day,
                        "entity_code": entity_code,
                        "segment_type": segment_type,
                        "segment_code": segment_code,
                        "ageing_bucket": bucket,
                        "currency_code": self.ledger.reporting_currency,
                        "open_amount": position.open_amounts[bucket],
                        "item_count": item_count,
                        "disputed_amount": position.disputed_amounts[bucket],
                    }

    def _item_columns(self, item: Item) -> OutputRow:
        return {
            "item_type": item.item_type,
            "entity_code": item.entity_code,
            "customer_code": item.customer_code,
            "document_number": item.document_number,
            "issue_date": item.issue_date,
            "due_date": item.due_date,
            "currency_code": item.currency_code,
        }

    def _history(self, entity_code: str) -> Iterator[OutputRow]:
        for item in self._items(entity_code):
            row: OutputRow | None = None
            moves = item.changed_segments_on()
            for day in (p.start for p in periods("day", item.booking_date, self.ledger.as_of)):
                state = self.ledger.state(item, day)
                columns = {
                    "open_amount": state.balance,
                    "is_disputed": state.is_disputed,
                    "disputed_amount": state.disputed,
                }
                is_due = item.side == "credit" or item.due_date is None or day > item.due_date
                comes_elsewhere = day in moves and (state.balance != 0 or not is_due)
                is_same = row is not None and all(row[name] == columns[name] for name in columns)
                if is_same and not comes_elsewhere:
                    continue
                if row is not None:
                    yield row | {"valid_to": day}
                row = self._item_columns(item) | {"valid_from": day} | columns
            if row is not None:
                yield row | {"valid_to": END_OF_TIME}

    def _open_items(self, entity_code: str) -> Iterator[OutputRow]:
        as_of = self.ledger.as_of
        for item in self._items(entity_code):
            state = self.ledger.state(item, as_of)
            if state.balance == 0:
                continue
            yield (
                self._item_columns(item)
                | {
                    "customer_name": item.customer_on(as_of).get("customer_name")
                    or item.customer_code,
                    "as_of_date": as_of,
                    "gross_amount": item.issue_amount,
                    "open_amount": state.balance,
                    "open_amount_reporting": self.ledger.converted(
                        state.balance, item.currency_code, as_of
                    ),
                    "reporting_currency_code": self.ledger.reporting_currency,
                    "days_overdue": state.days_overdue,
                    "ageing_bucket": state.bucket,
                    "is_disputed": state.is_disputed,
                    "disputed_amount": state.disputed,
                }
                | {SEGMENT_COLUMNS[name]: code for name, code in item.attributes_on(as_of).items()}
            )
