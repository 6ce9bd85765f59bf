"""Profiles of deliveries: the few figures by which a delivery is compared with earlier ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from statistics import median

import duckdb

from encours import lake, runs
from encours.feeds import Contract, Feed
from encours.home import Home
from encours.lake import Manifest, Mode, quoted
from encours.quality import defaults
from encours.runs import Run

HISTORY = 10
"""How many earlier deliveries make a rhythm."""
_RUNS = 60


@dataclass(frozen=True)
class Delivery:
    """What the loads in reach hold of one feed of one source.

    `new` is what no published run has counted, `accepted` what published runs counted, oldest
    first, `baseline` the part of it that the last published run counted; `loads` are all loads.
    """

    source: str
    feed: Feed
    mode: Mode
    loads: tuple[Manifest, ...]
    new: tuple[Manifest, ...]
    accepted: tuple[Manifest, ...]
    baseline: tuple[Manifest, ...]

    @property
    def is_state(self) -> bool:
        """Whether a load says all that there is, and not only what changed."""
        return self.mode != "upsert"

    def rows(self, load: Manifest) -> int:
        """Rows that a load wrote of it."""
        return sum(
            part.rows
            for part in load.feeds
            if (part.source, part.feed) == (self.source, self.feed.name)
        )


@dataclass(frozen=True)
class Profile:
    """Figures of some rows of a feed; counts by column, and by code of a column."""

    rows: int
    filled: dict[str, int] = field(default_factory=dict)
    codes: dict[str, dict[str, int]] = field(default_factory=dict)
    median_amount: float | None = None

    def share(self, column: str) -> float:
        """Part of the rows that fill a column."""
        return self.filled[column] / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class Rhythm:
    """Age of the newest date of a feed, in days, and the oldest that its rhythm explains."""

    newest: date
    age: int
    usual: int
    allowed: int


def deliveries(home: Home, run: Run, contract: Contract) -> list[Delivery]:
    """What a run counts, by source and feed, beside what published runs before it counted."""
    loads = lake.manifests(home, run.known_at)
    by_id = {load.load_id: load for load in loads}
    published = [
        other
        for other in runs.read_all(home)
        if other.status == "published" and other.run_id < run.run_id
    ][-_RUNS:]
    accepted: dict[tuple[str, str], dict[str, None]] = {}
    baseline: dict[tuple[str, str], list[str]] = {}
    for other in published:
        baseline = {}
        for part in lake.in_force(
            load for load in loads if load.loaded_at_utc <= lake.utc(other.known_at)
        ):
            accepted.setdefault((part.source, part.feed), {})[part.load_id] = None
            baseline.setdefault((part.source, part.feed), []).append(part.load_id)
    current: dict[tuple[str, str], list[str]] = {}
    for part in lake.in_force(loads):
        current.setdefault((part.source, part.feed), []).append(part.load_id)
    found = []
    for (source, feed), ids in sorted(current.items()):
        if feed not in contract:  # a feed that an earlier version knew
            continue
        known = accepted.get((source, feed), {})
        last = next(
            entry for entry in by_id[ids[-1]].feeds if (entry.source, entry.feed) == (source, feed)
        )
        found.append(
            Delivery(
                source,
                contract[feed],
                last.mode,
                tuple(loads),
                tuple(by_id[load_id] for load_id in ids if load_id not in known),
                tuple(by_id[load_id] for load_id in sorted(known)),
                tuple(by_id[load_id] for load_id in baseline.get((source, feed), [])),
            )
        )
    return found


def profile(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    delivery: Delivery,
    loads: Sequence[Manifest],
) -> Profile:
    """Count what some loads hold of a feed of a source."""
    relation = _relation(home, delivery, loads)
    if relation is None:
        return Profile(0)
    present = {
        row[0] for row in connection.execute(f"describe select * from {relation}").fetchall()
    }
    feed, watched = delivery.feed, defaults().feeds.get(delivery.feed.name)
    optional = [column.name for column in feed.columns if not column.is_required]
    coded = [
        column.name for column in feed.columns if column.values or column.name in defaults().codes
    ]
    amount = watched.amount if watched else None
    # A file from before the contract got a column holds none of it.
    selected = ["count(*)"]
    selected += [f"count({name})" if name in present else "0" for name in optional]
    selected += [f"histogram({name})" if name in present else "null" for name in coded]
    selected.append(f"cast(median(abs({amount})) as double)" if amount else "null")
    row = connection.execute(
        f"select {', '.join(selected)} from {relation} where _source = {quoted(delivery.source)}"
    ).fetchone()
    assert row is not None
    counts, histograms = row[1 : 1 + len(optional)], row[1 + len(optional) : -1]
    return Profile(
        rows=int(row[0]),
        filled=dict(zip(optional, map(int, counts), strict=True)),
        codes={
            name: {str(code): int(count) for code, count in (values or {}).items()}
            for name, values in zip(coded, histograms, strict=True)
        },
        median_amount=row[-1],
    )


def rhythm(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    delivery: Delivery,
    day: date,
    grace_days: int,
) -> Rhythm | None:
    """How old the newest date of a feed is on a day, and how old earlier deliveries let it be.

    What the rhythm explains: the greatest age at the last ten published deliveries, or the usual
    age on top of a gap that the dates themselves have (weekends), then one interval between two
    deliveries. Dates after the load are no sign of being current.

    Args:
        connection: Any open connection.
        home: Home folder.
        delivery: The feed of a source.
        day: Day of the load if it is new, else of the run.
        grace_days: Added to what the rhythm explains.

    Returns:
        None for a feed without a date that shows how current it is.
    """
    watched = defaults().feeds.get(delivery.feed.name)
    loads = delivery.new or delivery.accepted
    if watched is None or watched.date is None or not loads:
        return None
    newest = _newest(connection, home, delivery, loads, watched.date)
    if newest is None:
        return None
    ages, moments = [], []
    for load in delivery.accepted[-HISTORY:]:
        before = _newest(connection, home, delivery, [load], watched.date)
        if before is not None:
            moments.append(load.loaded_at_utc.date())
            ages.append((moments[-1] - before).days)
    age = (day - newest).days
    if not ages:
        return Rhythm(newest, age, age, age)
    usual = int(median(ages))
    gap = _usual_gap(connection, home, delivery, delivery.accepted[-HISTORY:], watched.date)
    steps = [(after - before).days for before, after in pairwise(moments)]
    interval = int(median(steps)) if steps else 0
    allowed = max(*ages, usual + gap) + interval + grace_days
    return Rhythm(newest, age, usual, allowed)


def _newest(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    delivery: Delivery,
    loads: Sequence[Manifest],
    column: str,
) -> date | None:
    relation = _relation(home, delivery, loads)
    if relation is None:
        return None
    row = connection.execute(
        f"select max({column}) from {relation} "
        f"where _source = {quoted(delivery.source)} and {column} <= cast(_loaded_at as date)"
    ).fetchone()
    return row[0] if row else None


def _usual_gap(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    delivery: Delivery,
    loads: Sequence[Manifest],
    column: str,
) -> int:
    """Days between two dates of the last year that follow each other, but for the rarest gaps."""
    row = connection.execute(
        f"with dates as (select distinct {column} as day from {_relation(home, delivery, loads)} "
        f"where _source = {quoted(delivery.source)} and {column} <= cast(_loaded_at as date)), "
        "recent as (select day from dates where day > (select max(day) from dates) - 365), "
        "gaps as (select day - lag(day) over (order by day) as gap from recent) "
        "select quantile_disc(gap, 0.95) from gaps where gap is not null"
    ).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def _relation(home: Home, delivery: Delivery, loads: Sequence[Manifest]) -> str | None:
    if delivery.mode == "incremental" and loads:
        before = [load for load in delivery.loads if load.load_id <= loads[-1].load_id]
        return f"({lake.current_sql(home, delivery.feed, before, delivery.source)})"
    paths = [
        quoted(str((home.path / raw.path).resolve()))
        for load in loads
        for raw in load.raw_files
        if raw.feed == delivery.feed.name
    ]
    return f"read_parquet([{', '.join(paths)}], union_by_name = true)" if paths else None
