"""One run from the exports to the readers: ingest, build, publish, all or nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from encours import closes, lake, quality, runs
from encours.build import Progress, build
from encours.errors import DataError, EncoursError, UsageError
from encours.findings import Finding
from encours.home import Home
from encours.ingest import IngestResult, ingest
from encours.lineage import events
from encours.publish import built_run, publish
from encours.runs import Parameters, Run
from encours.sources import Source
from encours.validate import validate


@dataclass(frozen=True)
class Outcome:
    """How a run ended: the run whose figures readers see, and whether it is a new one."""

    run: Run
    is_new: bool
    ingested: IngestResult | None
    undelivered: tuple[tuple[str, str], ...] = ()
    """Sources that count and that this run did not deliver, each with its feeds."""
    noted: tuple[Finding, ...] = ()
    """What validation found and let pass."""


def run_all(
    home: Home,
    sources: Sequence[Source],
    inbox: Path | None,
    parameters: Parameters,
    clock: Callable[[], datetime],
    progress: Progress,
) -> Outcome:
    """Ingest, build, test, validate and publish; when nothing is new, leave everything as it is.

    Args:
        home: Home folder; the caller holds its lock.
        sources: What to ingest; none rebuilds from what the lake has.
        inbox: Folder of the files; None is the folder of each source file.
        parameters: What the user asks of the figures.
        clock: Gives the moment; read once at the start and once at the end.
        progress: Called with a line for each step.

    Raises:
        EncoursError: Anything that stops the run; nothing was published then.
    """
    settle(home)
    run = _new_run(home, clock(), parameters)
    try:
        quality.remember(home, [(source.name, source.quality) for source in sources])
        ingested = ingest(home, sources, inbox, run.started_at, progress) if sources else None
        run.load_id = ingested.load_id if ingested else None
        # A load may be dated after the start: ids never go back, whatever the clock does.
        newest = max((load.loaded_at_utc for load in lake.manifests(home)), default=run.known_at)
        run.known_at = max(run.known_at, newest)
        standing = unchanged(home, run)
        if standing:
            return Outcome(standing, False, ingested, _undelivered(home, sources))
        build(home, run, progress)
        noted = validate(home, run, progress)
        progress("publish: writing the tables for readers")
        publish(home, run, clock)
    except EncoursError as error:
        fail(home, run, error, clock)
        raise
    except KeyboardInterrupt:
        interrupt(home, run, clock)
        raise
    return Outcome(run, True, ingested, _undelivered(home, sources), tuple(noted))


def build_only(
    home: Home,
    parameters: Parameters,
    known_at: datetime | None,
    clock: Callable[[], datetime],
    progress: Progress,
) -> Run:
    """Build and test from what the lake has; publish nothing.

    Raises:
        EncoursError: A model or a test fails.
    """
    settle(home)
    run = _new_run(home, clock(), parameters, known_at)
    try:
        build(home, run, progress)
    except EncoursError as error:
        fail(home, run, error, clock)
        raise
    except KeyboardInterrupt:
        interrupt(home, run, clock)
        raise
    return run


@dataclass(frozen=True)
class Rebuilt:
    """What was known at a moment, built anew beside the current publication."""

    view: Home
    run: Run
    original: Run | None
    """The last publication of what was known by that moment; None before the first."""

    @property
    def is_rebuild(self) -> bool:
        """Whether it read and asked for the same as that publication, which has its hashes."""
        return (
            self.original is not None
            and self.original.outputs_sha256 is not None
            and self.original.inputs_sha256 == self.run.inputs_sha256
            and self.original.as_of_date == self.run.as_of_date
            and self.original.reporting_currency_code == self.run.reporting_currency_code
        )

    @property
    def is_same_code(self) -> bool:
        """Whether the code and the engine are those of that publication."""
        return (
            self.original is not None
            and self.original.code_sha256 == self.run.code_sha256
            and self.original.duckdb_version == self.run.duckdb_version
        )

    @property
    def differing(self) -> tuple[str, ...]:
        """Tables of figures that do not say what they said then."""
        then = self.original.tables_sha256 if self.original else {}
        return tuple(
            name
            for name in sorted({*then, *self.run.tables_sha256})
            if name.startswith("marts.") and then.get(name) != self.run.tables_sha256.get(name)
        )


def rebuild(
    home: Home,
    parameters: Parameters,
    known_at: datetime,
    clock: Callable[[], datetime],
    progress: Progress,
) -> Rebuilt:
    """Build what was known at a moment into a folder of its own, and publish it there.

    What is not asked for is as in the last publication of what was known by then.

    Args:
        home: Home folder; the caller holds its lock.
        parameters: What the user asks of the figures.
        known_at: Loads after it do not exist.
        clock: Gives the moment; read once at the start and once at the end.
        progress: Called with a line for each step.

    Raises:
        DataError: A model or a test fails; or the code and the inputs are those of a past
            publication, and the figures are not.
    """
    original = max(
        (
            run
            for run in runs.read_all(home)
            if run.status == "published" and run.known_at <= lake.utc(known_at)
        ),
        key=lambda run: run.run_id,
        default=None,
    )
    if original is not None:
        as_published = lake.state_digest(home, known_at) == original.inputs_sha256
        parameters = Parameters(
            parameters.as_of or (original.as_of_date if as_published else original.as_of_requested),
            parameters.reporting_currency or original.reporting_currency_requested,
        )
    view = view_of(home, known_at)
    run = build_only(view, parameters, known_at, clock, progress)
    progress("publish: writing the tables for readers")
    publish(view, run, clock)
    rebuilt = Rebuilt(view, run, original)
    if rebuilt.is_rebuild and rebuilt.is_same_code and rebuilt.differing and original:
        raise DataError(
            f"{view.path}: the code and the inputs are those of run {original.run_id}, the figures "
            f"are not, in {', '.join(rebuilt.differing)}. Look for what was changed by hand: "
            "encours verify"
        )
    return rebuilt


def validate_only(
    home: Home, sources: Sequence[Source], clock: Callable[[], datetime], progress: Progress
) -> tuple[Run, list[Finding]]:
    """Hold the expectations on the last build, also again after they stopped it.

    Args:
        home: Home folder; the caller holds its lock.
        sources: Sources whose `quality` counts from now on.
        clock: Gives the moment of a failure.
        progress: Called with a line for each step.

    Raises:
        UsageError: Nothing is built.
        DataError: An expectation whose severity is error does not hold.
    """
    settle(home)
    quality.remember(home, [(source.name, source.quality) for source in sources])
    run = built_run(home, also_invalid=True)
    if run.status == "published":
        return run, []
    try:
        noted = validate(home, run, progress)
    except EncoursError as error:
        fail(home, run, error, clock)
        raise
    run.status, run.message, run.finished_at = "built", None, None
    runs.save(home, run)
    return run, noted


def view_of(home: Home, known_at: datetime) -> Home:
    """The folder below a home folder for what was known at a moment.

    It shares the lake and the closed periods. What is built and published there never touches the
    current publication.
    """
    view = Home(home.path / "as-known" / f"{lake.utc(known_at):%Y%m%dT%H%M%S%fZ}")
    view.path.mkdir(parents=True, exist_ok=True)
    if not view.lake.exists():
        home.lake.mkdir(parents=True, exist_ok=True)
        view.lake.symlink_to(home.lake.resolve(), target_is_directory=True)
    if not view.closes.exists():
        home.closes.mkdir(parents=True, exist_ok=True)
        view.closes.symlink_to(home.closes.resolve(), target_is_directory=True)
    return view


def unchanged(home: Home, run: Run) -> Run | None:
    """The published run, if a new one would give the same figures; None otherwise.

    Raises:
        UsageError: The reporting currency would change without being asked for.
    """
    published = runs.read_published(home)
    if published is None:
        return None
    run.inputs_sha256 = lake.state_digest(home, run.known_at)
    same = (
        published.inputs_sha256 == run.inputs_sha256
        and published.code_sha256 == run.code_sha256
        and published.closes_sha256 == run.closes_sha256
        and published.duckdb_version == run.duckdb_version
        and published.as_of_requested == run.as_of_requested
        and published.reporting_currency_requested == run.reporting_currency_requested
    )
    if not same or published.as_of_date is None or published.last_movement_date is None:
        return None
    as_of = run.as_of_requested or min(published.last_movement_date, run.run_date)
    return published if as_of == published.as_of_date else None


def settle(home: Home) -> None:
    """Give runs that were killed their true end, also in their events."""
    for run in runs.settle_interrupted(home):
        events.ended(home, run)


def _new_run(
    home: Home, now: datetime, parameters: Parameters, known_at: datetime | None = None
) -> Run:
    run = runs.new_run(home, now, parameters, known_at)
    run.closes_sha256 = closes.head(home, run.known_at)
    return run


def fail(home: Home, run: Run, error: EncoursError, clock: Callable[[], datetime]) -> None:
    """Write down that a run failed, and why; wrong use is no run."""
    if not isinstance(error, UsageError):
        runs.end(home, run, "failed", str(error), clock())
        events.ended(home, run)


def interrupt(home: Home, run: Run, clock: Callable[[], datetime]) -> None:
    """Write down that somebody ended a run."""
    runs.end(home, run, "interrupted", "Somebody ended the run.", clock())
    events.ended(home, run)


def _undelivered(home: Home, sources: Sequence[Source]) -> tuple[tuple[str, str], ...]:
    """What counts though no source of this run declares it: another source, or a feed dropped."""
    declared = {
        (source.name, feed) for source in sources for file in source.files for feed in file.feeds
    }
    found: dict[str, list[str]] = {}
    for part in lake.in_force(lake.manifests(home)):
        feeds = found.setdefault(part.source, [])
        if (part.source, part.feed) not in declared and part.feed not in feeds:
            feeds.append(part.feed)
    return tuple((source, ", ".join(sorted(feeds))) for source, feeds in found.items() if feeds)
