"""Closed periods: the figures that were reported, frozen, and who closed and reopened them.

Each closing and each reopening is a folder that is written once. Their records are a chain, to
which the records of the runs refer.
"""

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal, Self

import duckdb
from pydantic import BaseModel, ConfigDict, ValidationError

from encours import runs
from encours.errors import DataError, UsageError
from encours.hashes import file_sha256, record_sha256, table_sha256
from encours.home import Home, json_bytes, move_whole, sync_file, write_json
from encours.lake import quoted, utc
from encours.runs import ID_FORMAT, Run

Grain = Literal["month", "quarter", "year"]

_PERIOD = re.compile(r"(\d{4})(?:-(?:(0[1-9]|1[0-2])|Q([1-4])))?")
RECORD = "record.json"


@dataclass(frozen=True)
class Period:
    """A calendar month, quarter or year."""

    name: str
    grain: Grain
    start: date
    end: date

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a period such as 2026-06, 2026-Q2 or 2026.

        Raises:
            UsageError: It is written in another way.
        """
        found = _PERIOD.fullmatch(text.strip().upper())
        if not found:
            raise UsageError(f"{text}: give a period such as 2026-06, 2026-Q2 or 2026.")
        year, month, quarter = int(found[1]), found[2], found[3]
        grain: Grain = "month" if month else "quarter" if quarter else "year"
        first = int(month) if month else 3 * int(quarter) - 2 if quarter else 1
        months = {"month": 1, "quarter": 3, "year": 12}[grain]
        after = year * 12 + first - 1 + months
        end = date(after // 12, after % 12 + 1, 1) - timedelta(days=1)
        return cls(found[0], grain, date(year, first, 1), end)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class FrozenTable(_Strict):
    """The rows of one table as they were published; `path` is below the folder of the closing."""

    table: str
    path: str
    sha256: str
    rows: int
    table_sha256: str
    """Hash of the whole table as published."""


class Event(_Strict):
    """A closing, or a reopening."""

    event_id: str
    kind: Literal["close", "reopen"]
    period: str
    entity_code: str | None
    """None for all entities and the group."""
    at: str
    by: str
    reason: str | None = None
    close_id: str | None = None
    """The closing that is reopened."""
    run_id: str | None = None
    run_sha256: str | None = None
    tables: list[FrozenTable] = []
    previous_sha256: str | None = None
    record_sha256: str | None = None

    @property
    def moment(self) -> datetime:
        """When it happened, in UTC without time zone."""
        return datetime.fromisoformat(self.at)

    @property
    def whose(self) -> str:
        """The period and the entity, for people."""
        return self.period if self.entity_code is None else f"{self.period} of {self.entity_code}"


@dataclass(frozen=True)
class Closing:
    """A closing, and its reopening if there was one."""

    event: Event
    reopening: Event | None

    @property
    def period(self) -> Period:
        """The period that is closed."""
        return Period.parse(self.event.period)


def read(path: Path) -> Event:
    """Read the record of a closing or reopening.

    Raises:
        DataError: It cannot be read.
    """
    try:
        return Event.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise DataError(
            f"{path}: this record of a closed period cannot be read. Restore it from a backup. "
            f"({error})"
        ) from error


def events(home: Home, known_at: datetime | None = None) -> list[Event]:
    """All closings and reopenings up to a moment (default: all), oldest first.

    Raises:
        DataError: A record cannot be read.
    """
    found = [read(path) for path in sorted(home.closes.glob(f"*/{RECORD}"))]
    return [event for event in found if known_at is None or event.moment <= known_at]


def closings(home: Home, known_at: datetime | None = None) -> list[Closing]:
    """All closings up to a moment (default: all), oldest first."""
    known = events(home, known_at)
    reopenings = {event.close_id: event for event in known if event.kind == "reopen"}
    return [
        Closing(event, reopenings.get(event.event_id)) for event in known if event.kind == "close"
    ]


def head(home: Home, known_at: datetime | None = None) -> str | None:
    """Hash of the last closing or reopening up to a moment; None where there is none."""
    known = events(home, known_at)
    return known[-1].record_sha256 if known else None


def sealed_sha256(event: Event) -> str:
    """What `record_sha256` of an event has to be."""
    return record_sha256(event.model_dump(mode="json", exclude={"record_sha256"}))


def close(home: Home, period: Period, entity_code: str | None, by: str, now: datetime) -> Event:
    """Freeze the published KPI rows of a period.

    Args:
        home: Home folder; the caller holds its lock.
        period: The period; of each KPI table its own rows are frozen, not those of its parts.
        entity_code: The entity, `ALL` for the group alone; None for all entities and the group.
        by: Who closes it.
        now: Moment of the closing.

    Raises:
        UsageError: Nothing is published, the period is not complete, or it is closed already.
        DataError: The published tables are not those of their run.
    """
    runs.settle_interrupted(home)
    run = runs.read_published(home)
    if run is None:
        raise UsageError(
            f"{home.path}: nothing is published there. Run `encours run SOURCE.yml` first."
        )
    if run.record_sha256 is None or run.as_of_date is None:
        raise UsageError(
            f"{home.path}: what is published has no hashes yet. Run `encours run SOURCE.yml` again."
        )
    if period.end > run.as_of_date:
        raise UsageError(
            f"{period.name} ends on {period.end}; what is published is as of {run.as_of_date}. "
            "Close the period once figures as of its last day, or later, are published."
        )
    for closing in closings(home):
        event = closing.event
        same_entity = None in (event.entity_code, entity_code) or event.entity_code == entity_code
        if closing.reopening is None and event.period == period.name and same_entity:
            raise UsageError(
                f"{event.whose} is closed already, since {event.moment:%Y-%m-%d %H:%M} UTC by "
                f"{event.by}. Reopen it first: encours reopen {period.name} --reason WHY"
            )
    moment = _next_moment(home, now)
    event_id = f"{moment:{ID_FORMAT}}"
    unfinished = home.closes / f"{event_id}.unfinished"
    for leftover in home.closes.glob("*.unfinished"):
        shutil.rmtree(leftover)
    unfinished.mkdir(parents=True)
    tables = _freeze(home, run, period, entity_code, event_id, unfinished)
    if not any(table.rows for table in tables):
        shutil.rmtree(unfinished)
        raise UsageError(
            f"No figures are published for {period.name}"
            f"{' of ' + entity_code if entity_code else ''}. "
            "Look for the entities and periods there are in marts.kpi_dso."
        )
    return _write(
        home,
        Event(
            event_id=event_id,
            kind="close",
            period=period.name,
            entity_code=entity_code,
            at=moment.isoformat(timespec="microseconds"),
            by=by,
            run_id=run.run_id,
            run_sha256=run.record_sha256,
            tables=tables,
        ),
    )


def reopen(
    home: Home, period: Period, entity_code: str | None, reason: str, by: str, now: datetime
) -> list[Event]:
    """Reopen a closed period; what was frozen stays, and so does the trace of both.

    Args:
        home: Home folder; the caller holds its lock.
        period: The period.
        entity_code: The entity that was closed alone; None for all closings of the period.
        reason: Why.
        by: Who reopens it.
        now: Moment of the reopening.

    Raises:
        UsageError: It is not closed, or not for this entity alone.
    """
    of_period = [
        closing.event
        for closing in closings(home)
        if closing.reopening is None and closing.event.period == period.name
    ]
    found = [
        event for event in of_period if entity_code is None or event.entity_code == entity_code
    ]
    if not found and of_period:
        closed = ", ".join(event.entity_code or "all entities at once" for event in of_period)
        raise UsageError(f"{period.name} is not closed for {entity_code} alone, but for {closed}.")
    if not found:
        raise UsageError(f"{period.name} is not closed.")
    written = []
    for event in found:
        moment = _next_moment(home, now)
        written.append(
            _write(
                home,
                Event(
                    event_id=f"{moment:{ID_FORMAT}}",
                    kind="reopen",
                    period=event.period,
                    entity_code=event.entity_code,
                    at=moment.isoformat(timespec="microseconds"),
                    by=by,
                    reason=reason,
                    close_id=event.event_id,
                ),
            )
        )
    return written


def verify(home: Home, known_runs: Sequence[Run]) -> list[str]:
    """Recompute the chain of closings and reopenings, and the hashes of what they froze.

    Returns:
        One sentence for each thing that was changed by hand.
    """
    problems: list[str] = []
    readable: list[Event] = []
    for path in sorted(home.closes.glob(f"*/{RECORD}")):
        try:
            event = read(path)
        except DataError as error:
            problems.append(str(error))
            continue
        same_text = path.read_bytes() == json_bytes(event.model_dump(mode="json"))
        if not same_text or sealed_sha256(event) != event.record_sha256:
            problems.append(f"{path}: changed since {event.whose} was written down")
        if event.event_id != path.parent.name:
            problems.append(f"{path}: this is the record {event.event_id}")
        before = readable[-1].record_sha256 if readable else None
        if event.previous_sha256 != before:
            problems.append(
                f"{path}: another record stood before this one; "
                "one was changed, put in or taken out"
            )
        readable.append(event)
        problems += _frozen_problems(path.parent, event)
    return problems + _anchor_problems(home, readable, known_runs)


def _frozen_problems(folder: Path, event: Event) -> list[str]:
    problems = []
    hashes = {table.path: table.sha256 for table in event.tables}
    for path in sorted(folder.iterdir()):
        if path.name not in hashes and path.name != RECORD:
            problems.append(f"{path}: put in; it is not part of what was closed")
    for name, sha256 in hashes.items():
        path = folder / name
        if not path.is_file():
            problems.append(f"{path}: missing, though {event.whose} was closed with it")
        elif file_sha256(path) != sha256:
            problems.append(f"{path}: changed since {event.whose} was closed")
    return problems


def _anchor_problems(home: Home, known: list[Event], known_runs: Sequence[Run]) -> list[str]:
    """How closings and the records of runs contradict each other; the first run that does."""
    by_id = {run.run_id: run for run in known_runs}
    problems = [
        f"{home.closes / event.event_id}: closed on another record of run {event.run_id}"
        for event in known
        if event.run_id in by_id and by_id[event.run_id].record_sha256 != event.run_sha256
    ]
    for run in known_runs:
        if run.lake_sha256 is None:
            continue
        seen = [event for event in known if event.moment <= run.known_at]
        if (seen[-1].record_sha256 if seen else None) != run.closes_sha256:
            problems.append(
                f"{home.closes}: not the closings and reopenings that run {run.run_id} saw; "
                "the last of them was changed, or one was put in or taken out"
            )
            break
    return problems


def _freeze(
    home: Home, run: Run, period: Period, entity_code: str | None, close_id: str, folder: Path
) -> list[FrozenTable]:
    """Write the rows of a period of every KPI table to a folder."""
    condition = f"period_grain = {quoted(period.grain)} and period_start = date '{period.start}'"
    if entity_code is not None:
        condition += f" and entity_code = {quoted(entity_code)}"
    tables = []
    with duckdb.connect(str(home.published_database), read_only=True) as connection:
        for table in kpi_tables(connection):
            whole = table_sha256(connection, table)
            if whole != run.tables_sha256.get(table):
                raise DataError(
                    f"{home.published_database}: {table} is not what run {run.run_id} published. "
                    "Nothing was closed. See what was changed with `encours verify`."
                )
            path = folder / f"{table.removeprefix('marts.')}.parquet"
            connection.execute(
                f"copy (select {quoted(close_id)} as close_id, * from {table} where {condition}) "
                f"to {quoted(str(path))} (format parquet)"
            )
            sync_file(path)
            count = connection.execute(
                f"select count(*) from read_parquet({quoted(str(path))})"
            ).fetchone()
            tables.append(
                FrozenTable(
                    table=table,
                    path=path.name,
                    sha256=file_sha256(path),
                    rows=int(count[0]) if count else 0,
                    table_sha256=whole,
                )
            )
    return tables


def kpi_tables(connection: duckdb.DuckDBPyConnection, catalog: str | None = None) -> list[str]:
    """The tables of the schema marts that have KPIs by period, entity and segment."""
    rows = connection.execute(
        "select table_schema || '.' || table_name from information_schema.columns "
        "where table_schema = 'marts' and starts_with(table_name, 'kpi_') "
        "and table_name <> 'kpi_reported' "
        "and table_catalog = coalesce(?, current_database()) group by all "
        "having count(*) filter (where column_name in ('period_grain', 'period_start', "
        "'entity_code', 'segment_type', 'segment_code', 'as_of_date')) = 6 order by all",
        [catalog],
    ).fetchall()
    return [str(row[0]) for row in rows]


def _next_moment(home: Home, now: datetime) -> datetime:
    """The moment, but after every event and after what every run knows, whatever the clock does."""
    earlier = [event.moment for event in events(home)]
    earlier += [run.known_at for run in runs.read_all(home)]
    return max([utc(now), *(moment + timedelta(microseconds=1) for moment in earlier)])


def _write(home: Home, event: Event) -> Event:
    """Close the record of an event and give its folder its name, which makes it exist."""
    chained = event.model_copy(update={"previous_sha256": head(home)})
    sealed = chained.model_copy(update={"record_sha256": sealed_sha256(chained)})
    unfinished = home.closes / f"{event.event_id}.unfinished"
    unfinished.mkdir(parents=True, exist_ok=True)
    write_json(unfinished / RECORD, sealed.model_dump(mode="json"))
    move_whole(unfinished, home.closes / event.event_id)
    return sealed
