"""A final state delivered in pieces gives the marts of one clean load of that state.

Dozens of random companies, one entity each, are delivered in as many ways: by files that are cut
anywhere and named in any order, as whole states or as changes, or from tables of a database, whole
or by what changed. On the way there rows come late, are corrected and deleted, and files are
delivered twice; the warehouse is built once before everything has arrived. `ENCOURS_DELIVERIES`
(number of companies) and `ENCOURS_SEED` widen the search.
"""

import csv
import os
import random
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from encours.feeds import load_contract
from encours.home import Home
from encours.ingest import IngestResult, ingest
from encours.sources import load_source
from reference.companies import (
    ANCHOR,
    AS_OF,
    FIRST_DAY,
    REPORTING_CURRENCY,
    companies,
    dataset,
    draw_companies,
    exchange_rates,
)
from support import marts_that_differ, run_encours, write_feeds

pytestmark = pytest.mark.slow

COUNT = int(os.environ.get("ENCOURS_DELIVERIES", "20"))
SEED = int(os.environ.get("ENCOURS_SEED", "0"))
STEPS = 4
WAYS = ("files", "changes", "table", "changed rows")
OPTIONS = ("--as-of", AS_OF.isoformat(), "--reporting-currency", REPORTING_CURRENCY)
RATES = exchange_rates(FIRST_DAY - timedelta(days=3), AS_OF + timedelta(days=60))
FIRST_CHANGE = datetime(2026, 1, 1)  # noqa: DTZ001 - as tables keep it

Row = dict[str, Any]
State = dict[str, list[Row]]


def key_of(feed: str, row: Row) -> tuple[Any, ...]:
    """What identifies a row."""
    return tuple(row.get(name) for name in load_contract()[feed].key)


def cell(value: Any) -> str:
    """A value as an export writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def other_row(chance: random.Random, feed: str, row: Row) -> Row:
    """A row that says something else of the same thing."""
    key = load_contract()[feed].key
    changed = dict(row)
    names = [name for name, value in row.items() if name not in key and value is not None]
    for name in chance.sample(names, min(len(names), chance.randint(1, 3))):
        value = row[name]
        if isinstance(value, bool):
            changed[name] = not value
        elif isinstance(value, Decimal) and name != "quota_rate":
            changed[name] = value + Decimal(chance.choice(["0.01", "1.00", "250.00"]))
        elif isinstance(value, date):
            changed[name] = value + timedelta(days=chance.choice([-40, -1, 1, 31]))
        elif name == "customer_code":
            changed[name] = chance.choice(["C1", "C4", "C7"])
        elif name in ("customer_segment", "region", "business_unit", "customer_name"):
            changed[name] = "OTHER"
    return changed


def state_before(chance: random.Random, state: State, *, deletes: bool) -> State:
    """What was known before a state: less, other and, where rows can be deleted, more rows."""
    before: State = {}
    for feed, rows in state.items():
        kept = []
        for row in rows:
            luck = chance.random()
            if luck < 0.75 or feed == "entities":
                kept.append(row)
            elif luck < 0.9 or feed == "fx_rates":  # rates are needed for every day
                kept.append(other_row(chance, feed, row))
            # Else it comes late.
            key = load_contract()[feed].key
            text_key = next((name for name in key if name.endswith(("_id", "_number"))), None)
            if deletes and text_key and chance.random() < 0.1:
                kept.append(
                    other_row(chance, feed, row) | {text_key: f"gone {chance.randrange(10**9)}"}
                )
        before[feed] = kept
    return before


@dataclass
class Delivery:
    """One company, and how its final state comes about."""

    name: str
    folder: Path
    way: str
    states: list[State]
    chance: random.Random
    columns: dict[str, list[str]]
    changed: dict[str, dict[tuple[Any, ...], tuple[datetime, Row]]] = field(default_factory=dict)
    said: dict[str, dict[tuple[Any, ...], Row]] = field(default_factory=dict)

    @property
    def source(self) -> Path:
        """Path of its source file."""
        return self.folder / "source.yml"

    def begin(self) -> None:
        """Write the source file, and what has always been there."""
        self.folder.mkdir(parents=True)
        entries = []
        for feed, columns in self.columns.items():
            entry: dict[str, Any] = {"feeds": {feed: {name: name for name in columns}}}
            entry |= {"allow_empty": True, "load": "snapshot"}
            if self.way in ("files", "changes"):
                entry |= {"path": f"{feed}_*.csv", "format": "csv", "optional": True}
            else:
                entry |= {"database": "sqlite:///books.db", "table": feed, "format": "sql"}
            if self.way == "changes":
                entry["load"] = "upsert"
            if self.way == "changed rows":
                incremental = {"column": "changed", "look_back": "36h"}
                entry |= {"load": "upsert", "incremental": incremental}
            entries.append(entry)
        ignored = ("volume", "freshness", "completeness", "values", "distribution")
        content = {"name": self.name, "files": entries}
        content["quality"] = {section: {"severity": "ignore"} for section in ignored}
        self.source.write_text(yaml.safe_dump(content), encoding="utf-8")

    def deliver(self, step: int) -> None:
        """Deliver the state of a step, or what changed since the last."""
        state = self.states[step]
        if self.way == "files":
            self._files(state)
        elif self.way == "changes":
            self._changes(step, state)
        else:
            self._tables(step, state)

    def _files(self, state: State) -> None:
        """The whole state, cut anywhere, in files of any name."""
        for path in self.folder.glob("*.csv"):
            path.unlink()
        for feed, rows in state.items():
            for part in self._cut(rows):
                self._write(feed, part, f"{self.chance.random()}")

    def _changes(self, step: int, state: State) -> None:
        """What is new, beside all that was delivered before, some of it again."""
        for feed, rows in state.items():
            said = self.said.setdefault(feed, {})
            news = [row for row in rows if said.get(key_of(feed, row)) != row]
            again = [row for row in rows if self.chance.random() < 0.1 and row not in news]
            outdated = [other_row(self.chance, feed, row) for row in news[::3]]
            if outdated:  # corrected within one delivery: the file that is later by name counts
                self._write(feed, outdated, f"{step} a")
            for number, part in enumerate(self._cut(news + again)):
                path = self._write(feed, part, f"{step} b{number}")
                if self.chance.random() < 0.3:
                    copy = path.with_name(f"{feed}_{step} c{self.chance.random()}.csv")
                    copy.write_bytes(path.read_bytes())
            said.update({key_of(feed, row): row for row in rows})
        for path in sorted(self.folder.glob(f"*_{step - 1} *.csv")):
            luck = self.chance.random()
            if luck < 0.3:  # the same again, under a name that comes last
                copy = self.folder / f"{path.name.rpartition('_')[0]}_z{luck}.csv"
                copy.write_bytes(path.read_bytes())
            elif luck < 0.6:
                path.unlink()

    def _tables(self, step: int, state: State) -> None:
        """The state in tables, whose rows say when they were changed, some of them late."""
        now = FIRST_CHANGE + timedelta(days=step)
        with closing(sqlite3.connect(self.folder / "books.db")) as connection:
            for feed, columns in self.columns.items():
                before = self.changed.get(feed, {})
                after = {}
                for row in state[feed]:
                    key = key_of(feed, row)
                    moment = now - timedelta(hours=self.chance.choice([0, 1, 30]))
                    if key in before and before[key][1] == row:
                        moment = before[key][0]
                    after[key] = (moment, row)
                self.changed[feed] = after
                connection.execute(f'drop table if exists "{feed}"')
                names = ", ".join(f'"{name}" text' for name in (*columns, "changed"))
                connection.execute(f'create table "{feed}" ({names})')
                rows = [
                    (*(cell(row.get(name)) for name in columns), str(moment))
                    for moment, row in after.values()
                ]
                self.chance.shuffle(rows)
                marks = ", ".join("?" * (len(columns) + 1))
                connection.executemany(f'insert into "{feed}" values ({marks})', rows)
            connection.commit()

    def _cut(self, rows: Sequence[Row]) -> Iterable[list[Row]]:
        """The rows in any order, in one to three parts, of which some may be empty."""
        mixed = list(rows)
        self.chance.shuffle(mixed)
        cuts = sorted(
            self.chance.choices(range(len(mixed) + 1), k=self.chance.choice([0, 0, 1, 2]))
        )
        for start, end in zip([0, *cuts], [*cuts, len(mixed)], strict=True):
            yield mixed[start:end]

    def _write(self, feed: str, rows: Iterable[Row], name: str) -> Path:
        path = self.folder / f"{feed}_{name}.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(self.columns[feed])
            writer.writerows([cell(row.get(name)) for name in self.columns[feed]] for row in rows)
        return path


def delivery_of(number: int, name: str, final: State, folder: Path) -> Delivery:
    """A way for a state to come about, the same for the same number and seed."""
    chance = random.Random(SEED * 1000 + number)
    way = WAYS[number % len(WAYS)]
    states = [final]
    while len(states) < STEPS:
        # The same state may be delivered twice, also the final one.
        same = chance.random() < 0.3
        before = state_before(chance, states[0], deletes=way != "changes")
        states.insert(0, states[0] if same else before)
    columns = {
        feed: list(
            dict.fromkeys(column for state in states for row in state[feed] for column in row)
        )
        for feed in final
    }
    return Delivery(name, folder / name, way, states, chance, columns)


def ingest_all(home: Path, sources: Iterable[Path]) -> IngestResult:
    """Ingest and build nothing."""
    found = [load_source(path) for path in sources]
    return ingest(Home(home), found, None, datetime.now(UTC), lambda _: None)


def test_a_state_delivered_in_pieces_gives_the_marts_of_one_clean_load(tmp_path: Path) -> None:
    # One currency: a divisor that is a rounding of conversions makes a KPI of hundreds of millions.
    drawn = [ANCHOR, *draw_companies(COUNT - 1, SEED + 5, companies([REPORTING_CURRENCY]))]
    named = {f"E{number:03}": company for number, company in enumerate(drawn)}
    whole = dataset(named, RATES)
    common = dataset({}, RATES) | {"entities": whole["entities"]}
    deliveries = [delivery_of(2, "common", {k: list(v) for k, v in common.items()}, tmp_path)]
    for number, (code, company) in enumerate(named.items()):
        own = {feed: rows for feed, rows in dataset({code: company}).items() if feed in company}
        final = {
            feed: [row for row in rows if row.get("entity_code") == code]
            for feed, rows in own.items()
            if company.get(feed)
        }
        deliveries.append(delivery_of(number, code, final, tmp_path))
    sources = [delivery.source for delivery in deliveries]
    home, clean = tmp_path / "home", tmp_path / "clean"
    for delivery in deliveries:
        delivery.begin()
    for step in range(STEPS):
        for delivery in deliveries:
            delivery.deliver(step)
        if step % 2:
            run_encours("run", *sources, "--home", home, *OPTIONS)
        else:
            assert ingest_all(home, sources).load_id is not None
    assert ingest_all(home, sources).load_id is None

    source = write_feeds({feed: rows for feed, rows in whole.items() if rows}, tmp_path / "once")
    run_encours("run", source, "--home", clean, *OPTIONS)
    found = marts_that_differ(home / "encours.duckdb", clean / "encours.duckdb")
    assert found == []
