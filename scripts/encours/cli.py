"""The command `encours`: reads the command line, prints, and sets the exit status."""

import contextlib
import csv
import json
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from encours import pipeline, quality, restatements
from encours import show as shown
from encours.check import check_source
from encours.cli_audit import add_commands as add_audit_commands
from encours.cli_open import lineage_command, trace_command
from encours.demo import generate
from encours.errors import EncoursError, UsageError
from encours.findings import Finding
from encours.home import Home
from encours.ingest import IngestResult, ingest
from encours.project import PROJECT_FOLDER
from encours.publish import built_run, publish, publish_parquet
from encours.runs import Parameters
from encours.sources import load_source
from encours.terminal import HomeOption, cell
from encours.terminal import err as _err
from encours.terminal import existing as _existing
from encours.terminal import out as _out
from encours.terminal import progress as _progress

app = typer.Typer(
    name="encours",
    help="Credit management warehouse: from accounting exports to receivables and their KPIs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 done; 1 stopped by data, a test or a check, nothing published; "
    "2 wrong use or configuration; 3 another run holds the home folder; 130 interrupted.",
)
sources_app = typer.Typer(
    no_args_is_help=True, help="Look at source files without loading anything."
)
app.add_typer(sources_app, name="sources")


class Target(StrEnum):
    """Where `publish` can write."""

    DUCKDB = "duckdb"
    PARQUET = "parquet"


class Format(StrEnum):
    """How `show` can print."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class Grain(StrEnum):
    """Lengths of a period."""

    DAY = "day"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


SourcesArgument = Annotated[
    list[Path], typer.Argument(metavar="SOURCE.yml...", help="Source files to ingest.")
]
InboxOption = Annotated[
    Path | None,
    typer.Option("--inbox", help="Folder of the exports. (default: beside each SOURCE.yml)"),
]
AsOfOption = Annotated[
    datetime | None,
    typer.Option(
        "--as-of",
        metavar="DATE",
        formats=["%Y-%m-%d"],
        help="Day such as 2026-06-30, at whose end balances are taken. "
        "(default: last movement, not after today)",
    ),
]
KnownAtOption = Annotated[
    datetime | None,
    typer.Option(
        "--known-at",
        metavar="TIMESTAMP",
        formats=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f"],
        help="Read only what was loaded by this moment, in UTC, such as 2026-07-05T18:00:00.",
    ),
]
CurrencyOption = Annotated[
    str | None,
    typer.Option(
        "--reporting-currency",
        envvar="ENCOURS_REPORTING_CURRENCY",
        help="Currency of the figures, ISO 4217. "
        "(default: that of the documents, else the base of the rates)",
    ),
]


def now() -> datetime:
    """The moment, in UTC; the only place that reads the clock."""
    return datetime.now(UTC)


@app.command()
def run(
    sources: SourcesArgument,
    inbox: InboxOption = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    home: HomeOption = Path("warehouse"),
    reporting_currency: CurrencyOption = None,
) -> None:
    """Ingest, build, test, validate and publish: all of it, or nothing."""
    loaded = [load_source(path) for path in sources]
    parameters = _parameters(as_of, reporting_currency)
    if known_at is not None:
        _run_as_known(Home(home), parameters, known_at)
        return
    _run(Home(home), lambda progress: loaded, inbox, parameters)


@app.command("ingest")
def ingest_command(
    sources: SourcesArgument,
    inbox: InboxOption = None,
    home: HomeOption = Path("warehouse"),
) -> None:
    """Read the exports into the lake; build nothing."""
    loaded = [load_source(path) for path in sources]
    place = Home(home)
    with place.lock(), _progress() as progress:
        quality.remember(place, [(source.name, source.quality) for source in loaded])
        result = ingest(place, loaded, inbox, now(), progress)
    _print_ingested(result)


@app.command("build")
def build_command(
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    home: HomeOption = Path("warehouse"),
    reporting_currency: CurrencyOption = None,
) -> None:
    """Compute and test every table from the lake; publish nothing."""
    place = _existing(home)
    parameters = _parameters(as_of, reporting_currency)
    with place.lock(), _progress() as progress:
        if known_at is not None:
            place = pipeline.view_of(place, known_at)
        built = pipeline.build_only(place, parameters, known_at, now, progress)
    _out.print(
        f"Built and tested as of {built.as_of_date}. Show it to readers with: "
        f"encours publish{_home_option(place)}",
        soft_wrap=True,
    )


@app.command("validate")
def validate_command(
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[SOURCE.yml...]",
            help="Source files whose `quality` counts. (default: as when each was last read)",
            show_default=False,
        ),
    ] = None,
    home: HomeOption = Path("warehouse"),
) -> None:
    """Compare the last build with earlier deliveries and figures; publish nothing."""
    place = _existing(home)
    loaded = [load_source(path) for path in sources or []]
    with place.lock(), _progress() as progress:
        validated, noted = pipeline.validate_only(place, loaded, now, progress)
    if validated.status == "published":
        _out.print(f"Nothing new: run {validated.run_id} is published already.")
        return
    _print_noted(noted)
    _out.print(
        f"Validated; the pages are {place.path / (validated.data_docs or '')}. "
        f"Show the figures to readers with: encours publish{_home_option(place)}",
        soft_wrap=True,
    )


@app.command("publish")
def publish_command(
    to: Annotated[Target, typer.Option("--to", help="What to write.")] = Target.DUCKDB,
    home: HomeOption = Path("warehouse"),
) -> None:
    """Show readers the last build that passed every test."""
    place = _existing(home)
    with place.lock(), _progress() as progress:
        pipeline.settle(place)
        if to is Target.PARQUET:
            _out.print(f"Published to {publish_parquet(place)}, one folder per table.")
            return
        built = built_run(place)
        if built.status == "published":
            _out.print(f"Nothing new: run {built.run_id} is published already.")
            return
        noted: list[Finding] = []
        if built.validation is None:
            built, noted = pipeline.validate_only(place, [], now, progress)
        progress("publish: writing the tables for readers")
        publish(place, built, now)
    _print_noted(noted)
    _out.print(f"Published to {place.published_database}.")


@app.command()
def demo(
    invoices: Annotated[int, typer.Option(min=100, help="How many invoices, about.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Another seed, another company.")] = 1,
    fec: Annotated[
        bool, typer.Option("--fec", help="Its ledgers, a FEC per entity and year, not its exports.")
    ] = False,
    home: HomeOption = Path("warehouse"),
) -> None:
    """Generate the exports of a company and run them."""
    folder = home / "demo" / f"{invoices}-{seed}{'-fec' if fec else ''}"

    def sources(progress: Callable[[str], None]) -> list[Any]:
        if not (folder / "complete").is_file():
            progress(f"demo: writing the exports of {invoices:,} invoices")
            generate(folder, invoices=invoices, seed=seed, as_fec=fec, progress=progress)
            (folder / "complete").touch()
        return [load_source(folder / "fec.yml" if fec else PROJECT_FOLDER / "sources" / "demo.yml")]

    _run(Home(home), sources, folder, Parameters())


@app.command("show")
def show_command(
    kpi: Annotated[str, typer.Argument(help="Name of a KPI or of one of its parts.")],
    entity: Annotated[
        str | None, typer.Option(help="Code of the entity; `ALL` is the group, `any` is each.")
    ] = "ALL",
    segment: Annotated[
        str, typer.Option(metavar="TYPE[=CODE]", help="Such as region or region=North.")
    ] = "all",
    grain: Annotated[Grain, typer.Option(help="Length of the period.")] = Grain.MONTH,
    output: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.TABLE,
    home: HomeOption = Path("warehouse"),
) -> None:
    """Show a KPI in the terminal."""
    segment_type, _, code = segment.partition("=")
    answer = shown.show(
        Home(home),
        shown.Query(
            kpi=kpi,
            entity=None if entity == "any" else entity,
            segment_type=segment_type,
            segment_code=code or None,
            grain=grain.value,
        ),
    )
    _print_answer(kpi, answer, output)


app.command("trace")(trace_command)
app.command("lineage")(lineage_command)


@sources_app.command("check")
def sources_check(
    source: Annotated[Path, typer.Argument(metavar="SOURCE.yml", help="Source file to check.")],
    inbox: InboxOption = None,
) -> None:
    """Read the head of the files: what maps to what, what is missing, what would be refused."""
    report = check_source(load_source(source), inbox)
    for line in report.lines():
        _out.print(escape(line), soft_wrap=True)
    if report.problems:
        raise typer.Exit(1)


add_audit_commands(app, now)


def main() -> None:
    """Run the command; every error that is meant for people becomes one message."""
    try:
        app()
    except EncoursError as error:
        _err.print(f"[bold red]error[/]: {escape(str(error))}", soft_wrap=True)
        sys.exit(error.exit_status)


def _parameters(as_of: datetime | None, reporting_currency: str | None) -> Parameters:
    currency = reporting_currency.strip().upper() if reporting_currency else None
    if currency is not None and not re.fullmatch(r"[A-Z]{3}", currency):
        raise UsageError(
            f"--reporting-currency {reporting_currency}: give a code of three letters, such as EUR."
        )
    return Parameters(as_of=as_of.date() if as_of else None, reporting_currency=currency)


def _run(
    home: Home,
    sources: Callable[[Callable[[str], None]], list[Any]],
    inbox: Path | None,
    parameters: Parameters,
) -> None:
    with home.lock(), _progress() as progress:
        outcome = pipeline.run_all(home, sources(progress), inbox, parameters, now, progress)
    if outcome.is_new and outcome.ingested is not None:
        _print_ingested(outcome.ingested)
    _print_noted(outcome.noted)
    for source, feeds in outcome.undelivered:
        _out.print(
            f"Also counted: {feeds} of source {source}, loaded earlier and not part of this run.",
            soft_wrap=True,
        )
    if not outcome.is_new:
        _out.print(
            "Nothing new: the same inputs and the same code gave what was published on "
            f"{outcome.run.finished_at:%Y-%m-%d at %H:%M} UTC. Nothing was changed."
        )
    _print_headline(home)


def _run_as_known(home: Home, parameters: Parameters, known_at: datetime) -> None:
    """Rebuild what was known at a moment beside the current publication, never over it."""
    with home.lock(), _progress() as progress:
        rebuilt = pipeline.rebuild(home, parameters, known_at, now, progress)
    _print_headline(rebuilt.view)
    _print_rebuilt(rebuilt)


def _print_rebuilt(rebuilt: pipeline.Rebuilt) -> None:
    original = rebuilt.original
    if original is None:
        return
    then = f"run {original.run_id}, the last that was published by then"
    if not rebuilt.is_rebuild:
        text = f"Not compared with {then}: it read or asked for something else, or has no hashes."
    elif rebuilt.differing:
        text = (
            f"Other figures than those of {then}, in {', '.join(rebuilt.differing)}. "
            f"The code is another; then it was commit {original.git_commit or 'unknown'}."
        )
    else:
        text = (
            f"The figures of {then}: the tables have the hashes that "
            f"audit.runs has of it ({original.outputs_sha256})."
        )
    _out.print(text, soft_wrap=True)


def _print_ingested(result: IngestResult) -> None:
    for message in result.messages:
        _out.print(escape(message), soft_wrap=True)


def _print_noted(noted: Sequence[Finding]) -> None:
    for finding in noted:
        _out.print(escape(finding.line), soft_wrap=True)


def _print_headline(home: Home) -> None:
    figures = shown.headline(home)
    table = Table(title=f"Group as of {figures.as_of_date}", title_justify="left")
    table.add_column("Figure")
    table.add_column("Value", justify="right")
    for label, kind, value in figures.values:
        table.add_row(label, _figure(kind, value, figures.currency_code))
    _out.print(table)
    if figures.issues:
        counts = ", ".join(
            f"{count:,} {severity}{'s' if count > 1 and severity != 'info' else ''}"
            for severity, count in figures.issues
        )
        _out.print(f"Findings in the data: {counts}. See the table audit.data_issues.")
    restated, unexplained = restatements.count(home)
    if restated:
        _out.print(
            f"Closed periods: {restated:,} figures would now differ, {unexplained:,} of them "
            "without a known cause. See the table audit.restatements.",
            soft_wrap=True,
        )
    _out.print(
        f"Published in {home.published_database}: open it read-only with any DuckDB client,\n"
        "tables in the schemas marts and audit.",
        soft_wrap=True,
    )
    command = _command()
    _out.print(
        f"Next: {command} show dso_days --entity any{_home_option(home)}\n"
        f"      {command} show overdue_rate --segment region{_home_option(home)}",
        soft_wrap=True,
    )


def _home_option(home: Home) -> str:
    return "" if home.path == Path("warehouse") else f" --home {shlex.quote(str(home.path))}"


def _command() -> str:
    """What to type to call the command again: its name if the shell finds it, else its path."""
    script = Path(sys.argv[0])
    if script.name != "encours":
        return "python -m encours"
    if shutil.which("encours") is not None:
        return "encours"
    with contextlib.suppress(ValueError):
        script = script.resolve().relative_to(Path.cwd())
    return str(script)


def _figure(kind: str, value: Any, currency_code: str) -> str:
    if value is None:
        return "no value"
    if kind == "amount":
        return f"{value:,.2f} {currency_code}"
    if kind == "rate":
        return f"{100 * value:.1f} %"
    return f"{value:.1f} days" if kind == "days" else f"{value:.2f}"


def _print_answer(kpi: str, answer: shown.Answer, output: Format) -> None:
    if output is Format.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(answer.columns)
        writer.writerows(answer.rows)
    elif output is Format.JSON:
        rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
        typer.echo(json.dumps(rows, default=str, indent=2))
    else:
        table = Table(title=f"{kpi} ({answer.table})", caption=answer.description or None)
        for name in answer.columns:
            numeric = name in (kpi,)
            table.add_column(name, justify="right" if numeric else "left")
        for row in answer.rows:
            table.add_row(*(cell(value) for value in row))
        _out.print(table)


__all__ = ["app", "main", "now"]
