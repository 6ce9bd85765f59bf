"""The command `encours`: reads the command line, prints, and sets the exit status."""

import contextlib
import csv
import json
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from encours import pipeline, quality, runs
from encours import show as shown
from encours.check import check_source
from encours.demo import generate
from encours.errors import EncoursError, UsageError
from encours.findings import Finding
from encours.home import Home
from encours.ingest import IngestResult, ingest
from encours.project import PROJECT_FOLDER
from encours.publish import built_run, publish, publish_parquet
from encours.runs import Parameters
from encours.sources import load_source
from encours.trace import ROW_COLUMNS, Cell, Part, Trace, written

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

_out = Console(highlight=False)
_FEW = 10  # below it, a figure is a ratio or a few days, and two decimals would say too little
_WIDE = 120
_err = Console(stderr=True, highlight=False)


class Target(StrEnum):
    """Where `publish` can write."""

    DUCKDB = "duckdb"
    PARQUET = "parquet"


class Format(StrEnum):
    """How `show` can print."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class TraceFormat(StrEnum):
    """How `trace` can print."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    HTML = "html"


class Grain(StrEnum):
    """Lengths of a period."""

    DAY = "day"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


HomeOption = Annotated[
    Path,
    typer.Option(
        "--home",
        envvar="ENCOURS_HOME",
        help="Folder of the warehouse.",
        file_okay=False,
    ),
]
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
        formats=["%Y-%m-%d"],
        help="Day at whose end balances are taken. (default: last movement, not after today)",
    ),
]
KnownAtOption = Annotated[
    datetime | None,
    typer.Option(
        "--known-at",
        formats=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f"],
        help="Read only what was loaded by this moment, in UTC.",
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
        runs.settle_interrupted(place)
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


@app.command("trace")
def trace_command(
    kpi: Annotated[str, typer.Argument(help="Name of a KPI or of one of its parts.")],
    entity: Annotated[str, typer.Option(help="Code of the entity; `ALL` is the group.")] = "ALL",
    segment: Annotated[
        str, typer.Option(metavar="TYPE[=CODE]", help="Such as region=North.")
    ] = "all",
    period: Annotated[
        str | None,
        typer.Option(help="Such as 2026-06, 2026-Q2, 2026 or 2026-06-30. (default: last month)"),
    ] = None,
    row: Annotated[
        str | None,
        typer.Option(help="Bucket, level, reason or class, where a table has a row for each."),
    ] = None,
    rows: Annotated[
        int, typer.Option(min=0, help="Records to show of each part, the largest; tables only.")
    ] = 10,
    output: Annotated[TraceFormat, typer.Option("--format", help="How to print.")] = (
        TraceFormat.TABLE
    ),
    home: HomeOption = Path("warehouse"),
) -> None:
    """Open a figure: formula, parts, and the records they are made of, with file and line."""
    segment_type, _, code = segment.partition("=")
    cell = Cell(kpi, period, entity, segment_type, code or None, row)
    with Trace(Home(home), cell) as trace:
        if output is TraceFormat.HTML:
            typer.echo(trace.html())
        elif output is TraceFormat.JSON:
            typer.echo(json.dumps(trace.document(), default=str, indent=2, ensure_ascii=False))
        elif output is TraceFormat.CSV:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(["part", *ROW_COLUMNS])
            for part in trace.parts:
                writer.writerows([part.column, *record] for record in trace.rows(part.column))
        else:
            _print_trace(trace, rows)


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


def main() -> None:
    """Run the command; every error that is meant for people becomes one message."""
    try:
        app()
    except EncoursError as error:
        _err.print(f"[bold red]error[/]: {escape(str(error))}", soft_wrap=True)
        sys.exit(error.exit_status)


def _existing(path: Path) -> Home:
    """A home folder that has something in it; a command that only reads makes none.

    Raises:
        UsageError: There is no such folder.
    """
    if not path.is_dir():
        raise UsageError(
            f"{path.resolve()}: there is no such home folder. "
            "Run `encours run SOURCE.yml` first, or give the folder with --home."
        )
    return Home(path)


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
        view = pipeline.view_of(home, known_at)
        built = pipeline.build_only(view, parameters, known_at, now, progress)
        progress("publish: writing the tables for readers")
        publish(view, built, now)
    _print_headline(view)


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
            table.add_row(*(_cell(value) for value in row))
        _out.print(table)


def _print_trace(trace: Trace, limit: int) -> None:
    _out.print(
        f"[bold]{escape(trace.label)}[/] ({trace.figure_code}), {trace.period}, entity "
        f"{trace.entity_code}, {escape(trace.segment_type)} {escape(trace.segment_code)}"
        + (f", {escape(trace.row_key)}" if trace.row_key else ""),
        soft_wrap=True,
    )
    _out.print(f"  {trace.formula}", soft_wrap=True)
    if trace.formula_with_numbers != trace.formula:
        _out.print(f"= {trace.formula_with_numbers}", soft_wrap=True)
    _out.print(f"= [bold]{written(trace.value)}[/]", soft_wrap=True)
    for part in trace.parts:
        _print_part(trace, part, limit)
    _out.print(
        f"As of {trace.as_of_date}, run {trace.run['run_id']}, known at {trace.run['known_at']} "
        "UTC. The whole evidence: --format csv, json or html.",
        soft_wrap=True,
    )


def _print_part(trace: Trace, part: Part, limit: int) -> None:
    value = f"{part.column} = {written(part.value)}"
    if part.kind != "rows":
        where = "of the calendar" if part.kind == "calendar" else "made of the parts below"
        _out.print(f"\n{value}  ({where})", soft_wrap=True)
        return
    verdict = {True: "adds up to it", False: "[red]adds up to[/]", None: "no value to add up to"}
    records = f"{part.row_count:,} record{'' if part.row_count == 1 else 's'}"
    _out.print(
        f"\n{value}  ({records}, evidence {verdict[part.adds_up]}"
        + (f" {written(part.evidence)})" if part.adds_up is False else ")"),
        soft_wrap=True,
    )
    if not part.row_count or not limit:
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("Record", "Customer", "Document", "Counts on"):
        table.add_column(title, no_wrap=True)
    for title in ("Days", "Amount", "Contribution"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("File and line", overflow="fold")
    for record in trace.rows(part.column, limit):
        values = dict(zip(ROW_COLUMNS, record, strict=True))
        has_amount, has_source = values["document_amount"] is not None, values["source_file"]
        table.add_row(
            escape(values["record_type"]),
            escape(values["customer_code"] or values["entity_code"] or ""),
            escape(values["document_number"] or ""),
            _cell(values["event_date"]),
            "" if values["days"] is None else str(values["days"]),
            f"{_cell(values['document_amount'])} {values['currency_code']}" if has_amount else "",
            written(values["contribution"]),
            escape(f"{values['source_file']}:{values['source_row']}" if has_source else ""),
        )
    # A pipe has no width.
    (_out if _out.is_terminal else Console(highlight=False, width=_WIDE)).print(table)
    if part.row_count > limit:
        _out.print(f"and {part.row_count - limit:,} smaller ones", soft_wrap=True)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.4f}" if abs(value) < _FEW else f"{value:,.2f}"
    if isinstance(value, Decimal):
        return f"{value:,.2f}"
    if isinstance(value, date):
        return value.isoformat()
    return escape(str(value))


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """One moving line on a terminal; plain lines, one per step, elsewhere."""
    try:
        with _reporter() as progress:
            yield progress
    except KeyboardInterrupt:
        _err.print("Interrupted: nothing was published.")
        raise


@contextmanager
def _reporter() -> Iterator[Callable[[str], None]]:
    if _err.is_terminal:
        with _err.status("starting") as status:
            yield lambda line: status.update(escape(line))
    else:
        last = [""]

        def plain(line: str) -> None:
            if line != last[0]:
                last[0] = line
                typer.echo(line, err=True)

        yield plain


__all__ = ["app", "main", "now"]
