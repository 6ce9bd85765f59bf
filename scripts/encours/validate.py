"""Validate: what a data steward expects of deliveries and tables, by Great Expectations.

The feeds are profiled in DuckDB into one row of figures each, on which the expectations are held.
"""

import logging
import os
import re
import shutil
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import duckdb

from encours import findings, profiles, quality, restatements, runs
from encours.build import Progress
from encours.errors import DataError
from encours.feeds import load_contract
from encours.findings import Finding
from encours.home import Home, write_json
from encours.lake import quoted
from encours.profiles import HISTORY, Delivery, Profile
from encours.quality import FeedQuality, Limit, Severity
from encours.runs import Run

_SHOWN_CODES = 5


@dataclass(frozen=True)
class Expected:
    """One expectation on one figure, or on the codes of a column.

    Attributes:
        code: Kind of finding when it does not hold.
        severity: Whether that stops the run.
        key: What of the feed it is about, mostly a column.
        text: What is seen and what is expected, in plain words.
        value: The figure, or the codes seen.
        least: Least figure, or codes that must be among those seen.
        most: Greatest figure, or the codes that are known.
    """

    code: str
    severity: Severity
    key: str
    text: str
    value: float | tuple[str, ...]
    least: float | tuple[str, ...] | None = None
    most: float | tuple[str, ...] | None = None


@dataclass(frozen=True)
class Suite:
    """The expectations on one feed of a source, or on the published tables."""

    name: str
    feed: str
    source: str | None
    expected: tuple[Expected, ...]


def validate(home: Home, run: Run, progress: Progress) -> list[Finding]:
    """Hold the expectations on what a run counts and built, and keep what they found.

    The pages of Great Expectations go to `runs/<run_id>/data_docs`, the findings into
    `audit.data_issues` of the build database.

    Args:
        home: Home folder; the caller holds its lock.
        run: A run that is built; gets `validation` and `data_docs`.
        progress: Called with a line for each step.

    Returns:
        What was noted.

    Raises:
        DataError: An expectation whose severity is error does not hold.
    """
    progress("validate: comparing the deliveries with the earlier ones")
    with duckdb.connect() as connection:
        suites = [*_feed_suites(connection, home, run), *_mart_suites(connection, home, run)]
    progress("validate: holding the expectations, which takes some seconds")
    pages = runs.folder(home, run) / "data_docs"
    found = _hold(suites, pages)
    findings.keep(home, run, found)
    write_json(runs.folder(home, run) / "validation.json", [asdict(finding) for finding in found])
    errors = [finding for finding in found if finding.severity == "error"]
    run.validation = "failed" if errors else "noted" if found else "passed"
    run.data_docs = (pages / "index.html").relative_to(home.path).as_posix()
    runs.save(home, run)
    if errors:
        count = f"{len(errors)} expectation{'s' if len(errors) > 1 else ''}"
        lines = [f"validation: {count} of the deliveries failed. Nothing was published."]
        lines += [f"  - {finding.line}" for finding in found]
        lines.append(f"Data Docs: {pages / 'index.html'}")
        lines.append(
            "Correct the export and run again. If it is right as it is, say so under `quality` in "
            "the source YAML, for this run or for good, and run again."
        )
        raise DataError("\n".join(lines))
    return found


def _feed_suites(connection: duckdb.DuckDBPyConnection, home: Home, run: Run) -> Iterator[Suite]:
    sections = quality.remembered(home)
    for delivery in profiles.deliveries(home, run, load_contract()):
        name = delivery.feed.name
        settings = quality.of_feed(sections.get(delivery.source, {}), name)
        expected = list(_freshness(connection, home, run, delivery, settings))
        if delivery.new:
            now = profiles.profile(connection, home, delivery, delivery.new)
            before = delivery.baseline if delivery.is_state else delivery.accepted[-HISTORY:]
            earlier = profiles.profile(connection, home, delivery, before)
            expected += _volume(delivery, settings, now, earlier)
            if before:
                expected += _completeness(settings, now, earlier)
                expected += _values(delivery, settings, now, earlier)
                expected += _distribution(settings, now, earlier)
        wanted = tuple(each for each in expected if each.severity != "ignore")
        if wanted:
            yield Suite(f"{name} of {delivery.source}", name, delivery.source, wanted)


def _volume(
    delivery: Delivery, settings: FeedQuality, now: Profile, earlier: Profile
) -> Iterator[Expected]:
    limits = settings.volume
    yield Expected(
        "quality_no_rows",
        _noted(limits.severity),
        "any row",
        f"{now.rows:,} rows were delivered; at least one is expected.",
        now.rows,
        least=1,
    )
    if delivery.is_state:
        usual, of = earlier.rows, "last published ones"
    else:
        rows = [delivery.rows(load) for load in delivery.accepted[-HISTORY:]]
        # The first delivery of changes is often the whole past: two more show what is usual.
        usual = min(rows) if len(rows) > settings.freshness.min_loads else 0
        of = "rows of the smallest earlier delivery"
    if usual < limits.min_rows:
        return
    ratio = now.rows / usual
    seen = f"{now.rows:,} rows were delivered, {ratio:.0%} of the {usual:,} {of}"
    yield Expected(
        "quality_volume_fell",
        limits.severity,
        "rows",
        f"{seen}; at least {limits.min_ratio:.0%} are expected.",
        ratio,
        least=limits.min_ratio,
    )
    if delivery.is_state:
        yield Expected(
            "quality_volume_rose",
            _noted(limits.severity),
            "rows",
            f"{seen}; at most {limits.max_ratio:.0%} are expected.",
            ratio,
            most=limits.max_ratio,
        )


def _freshness(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    run: Run,
    delivery: Delivery,
    settings: FeedQuality,
) -> Iterator[Expected]:
    limits = settings.freshness
    day = delivery.new[-1].loaded_at_utc.date() if delivery.new else run.run_date
    rhythm = profiles.rhythm(connection, home, delivery, day, limits.grace_days)
    if rhythm is None:
        return
    if limits.max_age_days is not None:
        age = (run.run_date - rhythm.newest).days
        yield Expected(
            "quality_too_old",
            limits.severity,
            "newest date",
            f"The newest date is {rhythm.newest}, {age} days before the run; at most "
            f"{limits.max_age_days} days are allowed (max_age_days).",
            age,
            most=limits.max_age_days,
        )
    if len(delivery.accepted) < limits.min_loads:
        return
    seen = (
        f"The newest date is {rhythm.newest}, {rhythm.age} days before the "
        f"{'delivery' if delivery.new else 'run'}; {rhythm.usual} days are usual, at most "
        f"{rhythm.allowed} are explained by the earlier deliveries."
    )
    if delivery.new:
        yield Expected(
            "quality_late", limits.severity, "newest date", seen, rhythm.age, most=rhythm.allowed
        )
    else:
        yield Expected(
            "quality_not_delivered",
            _noted(limits.severity),
            "delivery",
            f"Nothing new was delivered. {seen}",
            rhythm.age,
            most=rhythm.allowed,
        )


def _completeness(settings: FeedQuality, now: Profile, earlier: Profile) -> Iterator[Expected]:
    limits = settings.completeness
    for column, count in earlier.filled.items():
        usual, share = earlier.share(column), now.share(column)
        if not count or usual * now.rows < limits.min_values:
            continue
        seen = f"{column} is filled in {share:.1%} of the rows, {usual:.1%} before"
        yield Expected(
            "quality_column_emptied",
            limits.severity,
            column,
            f"{seen}; the column was emptied if below {limits.min_ratio * usual:.1%}.",
            share,
            least=limits.min_ratio * usual,
        )
        if share >= limits.min_ratio * usual:
            yield Expected(
                "quality_column_thinned",
                _noted(limits.severity),
                column,
                f"{seen}; at least {max(usual - limits.max_drop, 0):.1%} are expected.",
                share,
                least=max(usual - limits.max_drop, 0),
            )


def _values(
    delivery: Delivery, settings: FeedQuality, now: Profile, earlier: Profile
) -> Iterator[Expected]:
    for column, codes in earlier.codes.items():
        seen = tuple(sorted(now.codes.get(column, {})))
        if not codes or not seen:
            continue
        new = [code for code in seen if code not in codes]
        text = f"{column} has the codes known before"
        if new:
            text = f"{column} has codes that it never had: {_listed(new)}"
        yield Expected(
            "quality_new_code",
            _noted(settings.values.severity),
            column,
            f"{text}.",
            seen,
            most=tuple(sorted(codes)),
        )
        lasting = [code for code, rows in codes.items() if rows >= settings.volume.min_rows]
        if column == "entity_code" and delivery.is_state and lasting:
            gone = [code for code in lasting if code not in seen]
            text = "All entities with rows before have some"
            if gone:
                text = f"Entities that had rows before have none: {_listed(gone)}"
            yield Expected(
                "quality_entity_gone",
                settings.values.severity,
                "entities",
                f"{text}.",
                seen,
                least=tuple(sorted(lasting)),
            )


def _distribution(settings: FeedQuality, now: Profile, earlier: Profile) -> Iterator[Expected]:
    limits = settings.distribution
    if (
        not now.median_amount
        or not earlier.median_amount
        or min(now.rows, earlier.rows) < settings.volume.min_rows
    ):
        return
    ratio = now.median_amount / earlier.median_amount
    seen = (
        f"The median amount is {now.median_amount:,.2f}, {ratio:.2f} times the "
        f"{earlier.median_amount:,.2f} before"
    )
    for code, severity, factor in (
        ("quality_amounts_misread", limits.severity, limits.max_factor),
        ("quality_amounts_shifted", _noted(limits.severity), limits.noted_factor),
    ):
        yield Expected(
            code,
            severity,
            "median amount",
            f"{seen}; between {1 / factor:.2f} and {factor:.2f} times are expected.",
            ratio,
            least=1 / factor,
            most=factor,
        )


def _mart_suites(connection: duckdb.DuckDBPyConnection, home: Home, run: Run) -> Iterator[Suite]:
    published = runs.read_published(home)
    if published is None or published.run_id == run.run_id:
        return
    connection.execute(f"attach {quoted(str(home.build_database))} as build (read_only)")
    connection.execute(f"attach {quoted(str(home.published_database))} as published (read_only)")
    # Another as-of date or currency was asked for: other figures are what was wanted.
    comparable = (
        published.as_of_requested == run.as_of_requested
        and published.reporting_currency_code == run.reporting_currency_code
    )
    if comparable:
        same_code = published.code_sha256 == run.code_sha256
        expected = list(_as_of(run, published))
        expected += _tables(connection, published, same_code)
        expected += _kpis(connection, same_code)
        expected += _rates(connection)
        wanted = tuple(each for each in expected if each.severity != "ignore")
        yield Suite("published tables", "marts", None, wanted)


def _as_of(run: Run, published: Run) -> Iterator[Expected]:
    severity = quality.defaults().marts.severity
    if run.as_of_date is not None and published.as_of_date is not None:
        days = (run.as_of_date - published.as_of_date).days
        yield Expected(
            "quality_as_of_went_back",
            _noted(severity),
            "as_of_date",
            f"The figures are as of {run.as_of_date}, as published before of "
            f"{published.as_of_date}; the date does not go back.",
            days,
            least=0,
        )


def _tables(
    connection: duckdb.DuckDBPyConnection, published: Run, same_code: bool
) -> Iterator[Expected]:
    limits = quality.defaults().marts
    for table, rows in published.published_rows.items():
        schema, _, name = table.partition(".")
        # What is closed and reopened says nothing about the deliveries.
        if schema != "marts" or rows < limits.min_rows or table == restatements.REPORTED:
            continue
        known = connection.execute(
            "select estimated_size from duckdb_tables() "
            "where database_name = 'build' and schema_name = ? and table_name = ?",
            [schema, name],
        ).fetchone()
        if known is None:
            continue
        now = connection.execute(f"select count(*) from build.{table}").fetchone()
        assert now is not None
        ratio = now[0] / rows
        yield Expected(
            "quality_table_shrank",
            limits.severity if same_code else _noted(limits.severity),
            name,
            f"{table} has {now[0]:,} rows, {ratio:.0%} of the {rows:,} published; at least "
            f"{limits.min_ratio:.0%} are expected.",
            ratio,
            least=limits.min_ratio,
        )


def _kpis(connection: duckdb.DuckDBPyConnection, same_code: bool) -> Iterator[Expected]:
    """KPIs that had figures in the months of whole entities, and have none."""
    limits = quality.defaults().marts
    of_mart: dict[str, list[str]] = {}
    for mart, column in _catalogue(connection).values():
        of_mart.setdefault(mart, []).append(column)
    for mart, columns in sorted(of_mart.items()):
        counted = ", ".join(f"count({column})" for column in columns)
        counts = [
            connection.execute(
                f"select {counted} from {database}.marts.{mart} "
                "where period_grain = 'month' and segment_type = 'all'"
            ).fetchone()
            or ()
            for database in ("published", "build")
        ]
        for column, before, now in zip(columns, *counts, strict=True):
            if before >= limits.min_values:
                yield Expected(
                    "quality_kpi_emptied",
                    limits.severity if same_code else _noted(limits.severity),
                    f"{mart}.{column}",
                    f"{mart}.{column} has {now:,} monthly figures of entities, {before:,} before; "
                    "some are expected.",
                    now,
                    least=1,
                )


def _rates(connection: duckdb.DuckDBPyConnection) -> Iterator[Expected]:
    """The latest month of key rates, of each entity and all, against the last publication."""
    rates = quality.defaults().rates
    catalogue = _catalogue(connection)
    for code, limit in rates.limits.items():
        if code not in catalogue:
            continue
        mart, column = catalogue[code]
        latest = (
            f"select entity_code, max_by(cast({column} as double), period_start) as figure, "
            "max(as_of_date) as as_of_date from {database}.marts." + mart + " "
            "where period_grain = 'month' and segment_type = 'all' group by entity_code"
        )
        rows = connection.execute(
            "select now.entity_code, now.figure, now.as_of_date, before.figure, before.as_of_date "
            f"from ({latest.format(database='build')}) as now inner join "
            f"({latest.format(database='published')}) as before using (entity_code) "
            "where now.figure is not null and before.figure is not null order by all"
        ).fetchall()
        for entity, now, day, before, day_before in rows:
            yield from _rate(code, limit, rates.severity, entity, (now, day), (before, day_before))


def _rate(
    code: str,
    limit: Limit,
    severity: Severity,
    entity: str,
    now: tuple[float, Any],
    before: tuple[float, Any],
) -> Iterator[Expected]:
    figure = "{:.1%}" if limit.points is not None else "{:,.2f}"
    seen = (
        f"{code} of entity {entity} is {figure.format(now[0])} as of {now[1]}, "
        f"{figure.format(before[0])} as of {before[1]} in the last publication"
    )
    key = f"{code} {entity}"
    if limit.points is not None:
        change = abs(now[0] - before[0])
        text = f"{seen}; a change of more than {100 * limit.points:.0f} points deserves a look."
        yield Expected("quality_rate_drift", severity, key, text, change, most=limit.points)
    elif limit.ratio is not None and before[0]:
        change = abs(now[0] / before[0] - 1)
        text = f"{seen}; a change of more than {limit.ratio:.0%} deserves a look."
        yield Expected("quality_rate_drift", severity, key, text, change, most=limit.ratio)


def _catalogue(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, str]]:
    """Mart and column of the KPIs that both databases have."""
    rows = connection.execute(
        "select kpi_code, mart, column_name from build.audit.kpi_catalogue as kpis where exists ("
        "select 1 from duckdb_columns() as columns where columns.database_name = 'published' "
        "and columns.schema_name = 'marts' and columns.table_name = kpis.mart "
        "and columns.column_name = kpis.column_name) order by all"
    ).fetchall()
    return {code: (mart, column) for code, mart, column in rows}


def _hold(suites: Sequence[Suite], pages: Path) -> list[Finding]:
    """Hold suites of expectations with Great Expectations and write its pages."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"  # it would report its use over the network
    # Imported here: it takes seconds that only this step should wait for.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx  # noqa: PLC0415
        import pandas as pd  # noqa: PLC0415
        from great_expectations.data_context.types.base import (  # noqa: PLC0415
            ProgressBarsConfig,
        )
    # What it logs is for its own developers; some of its loggers ignore the level of their parent.
    logger = logging.getLogger("great_expectations")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    for site in list(context.list_data_docs_sites()):
        context.delete_data_docs_site(site)
    shutil.rmtree(pages, ignore_errors=True)
    context.add_data_docs_site(
        "data_docs",
        {
            "class_name": "SiteBuilder",
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str(pages.resolve()),
            },
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        },
    )
    source = context.data_sources.add_pandas("encours")
    found = []
    failed: dict[str, int] = {}
    for suite in suites:
        figures: dict[str, Any] = {}
        expectations = gx.ExpectationSuite(name=suite.name)
        for number, each in enumerate(suite.expected):
            name = _figure_name(each)
            name = name if name not in figures else f"{name} {number}"
            values = each.value if isinstance(each.value, tuple) else (float(each.value),)
            figures[name] = pd.Series(list(values))
            expectations.add_expectation(_expectation(gx, name, each, number))
        batch = source.add_dataframe_asset(suite.name).add_batch_definition_whole_dataframe("run")
        definition = context.validation_definitions.add(
            gx.ValidationDefinition(
                name=suite.name, data=batch, suite=context.suites.add(expectations)
            )
        )
        results = definition.run(batch_parameters={"dataframe": pd.DataFrame(figures)})
        failed[suite.name] = sum(not result.success for result in results.results)
        for result in results.results:
            configuration = result.expectation_config
            assert configuration is not None
            each = suite.expected[configuration.meta["number"]]
            if result.exception_info.get("raised_exception"):
                raise DataError(
                    f"validation: {suite.name}: {each.text} could not be judged: "
                    f"{result.exception_info.get('exception_message')}"
                )
            if not result.success:
                severity: Literal["error", "warning"] = (
                    "error" if each.severity == "error" else "warning"
                )
                found.append(
                    Finding(severity, each.code, suite.feed, each.key, suite.source, each.text)
                )
    context.build_data_docs()
    _write_index(pages, failed)
    _without_the_network(pages)
    return sorted(found, key=lambda finding: finding.severity)


def _expectation(gx: Any, column: str, expected: Expected, number: int) -> Any:
    common = {
        "column": column,
        "description": expected.text,
        "severity": "critical" if expected.severity == "error" else "warning",
        "meta": {"number": number, "code": expected.code},
    }
    if isinstance(expected.least, tuple):
        return gx.expectations.ExpectColumnDistinctValuesToContainSet(
            value_set=list(expected.least), **common
        )
    if isinstance(expected.most, tuple):
        return gx.expectations.ExpectColumnDistinctValuesToBeInSet(
            value_set=list(expected.most), **common
        )
    return gx.expectations.ExpectColumnMaxToBeBetween(
        min_value=expected.least, max_value=expected.most, **common
    )


def _figure_name(expected: Expected) -> str:
    kind = expected.code.removeprefix("quality_").replace("_", " ")
    return f"{expected.key} ({kind})"


def _write_index(pages: Path, failed: dict[str, int]) -> None:
    """Write the first page; that of Great Expectations is empty without what it fetches elsewhere.

    Args:
        pages: Folder of the pages.
        failed: How many expectations failed, by suite.
    """
    rows = []
    for name, count in sorted(failed.items(), key=lambda suite: (not suite[1], suite[0])):
        page = next((pages / "validations" / name).rglob("*.html")).relative_to(pages)
        rows.append(
            f'<tr><td><a href="{quote(page.as_posix())}">{escape(name)}</a></td>'
            f"<td>{f'<b>{count} failed</b>' if count else 'all hold'}</td></tr>"
        )
    (pages / "index.html").write_text(
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Data Docs</title>'
        f"</head><body><h1>Data Docs</h1><p>Run {escape(pages.parent.name)}. Each page has what "
        "was expected of a delivery or a table, and what was found.</p>"
        "<table><tr><th>Compared</th><th>Expectations</th></tr>"
        f"{''.join(rows)}</table></body></html>\n",
        encoding="utf-8",
    )


def _without_the_network(pages: Path) -> None:
    """Take from the pages what a browser would fetch elsewhere; they stay readable without it."""
    style = (
        "<style>body{font-family:sans-serif;margin:2em}table{border-collapse:collapse}"
        "td,th{border:1px solid #ccc;padding:.3em .6em;text-align:left;vertical-align:top}"
        "</style></head>"
    )
    for path in pages.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"<script[^>]*\bsrc=[\"']https?:[^>]*>\s*</script>", "", text)
        text = re.sub(r"<(link|img)\b[^>]*[\"']https?:[^>]*>", "", text)
        path.write_text(text.replace("</head>", style, 1), encoding="utf-8")
    for folder in ("images", "fonts"):
        shutil.rmtree(pages / "static" / folder, ignore_errors=True)


def _noted(severity: Severity) -> Severity:
    return "ignore" if severity == "ignore" else "warning"


def _listed(codes: Sequence[str]) -> str:
    more = f" and {len(codes) - _SHOWN_CODES} more" if len(codes) > _SHOWN_CODES else ""
    return ", ".join(codes[:_SHOWN_CODES]) + more
