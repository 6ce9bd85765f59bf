"""The commands that open a figure, to its records and to its columns."""

import csv
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from encours import lineage
from encours.home import Home
from encours.terminal import HomeOption, cell, out
from encours.trace import ROW_COLUMNS, Cell, Part, Trace, written

_WIDE = 120
_UNCUT = 10_000


class LineageFormat(StrEnum):
    """How `lineage` can print."""

    TREE = "tree"
    CSV = "csv"
    JSON = "json"
    HTML = "html"


class TraceFormat(StrEnum):
    """How `trace` can print."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    HTML = "html"


def lineage_command(
    kpi: Annotated[str, typer.Argument(help="Name of a KPI, or TABLE.COLUMN.")],
    depth: Annotated[
        int | None, typer.Option(min=1, help="How many steps back. (default: all)")
    ] = None,
    conditions: Annotated[
        bool, typer.Option("--conditions", help="In the tree also what decides values.")
    ] = False,
    output: Annotated[
        LineageFormat, typer.Option("--format", help="How to print.")
    ] = LineageFormat.TREE,
    home: HomeOption = Path("warehouse"),
) -> None:
    """Show what a KPI is made of, back to the columns of the delivered files."""
    traced = lineage.trace(Home(home), kpi)
    if output is LineageFormat.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(lineage.COLUMNS)
        writer.writerows(traced.rows(depth))
    elif output is LineageFormat.JSON:
        rows = [dict(zip(lineage.COLUMNS, row, strict=True)) for row in traced.rows(depth)]
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    elif output is LineageFormat.HTML:
        typer.echo(traced.page(depth), nl=False)
    else:
        _print_tree(traced, depth, conditions=conditions)


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


def _print_tree(traced: lineage.Trace, depth: int | None, *, conditions: bool) -> None:
    def add(tree: Tree, branch: lineage.Branch) -> None:
        for child in branch.children:
            add(tree.add(_branch(child)), child)

    root = traced.graph.tree(traced.root, depth, conditions=conditions)
    tree = Tree(_branch(root))
    add(tree, root)
    # A pipe has no width, and a tree is cut at that of its console.
    (out if out.is_terminal else Console(highlight=False, width=_UNCUT)).print(
        tree, soft_wrap=not out.is_terminal
    )
    titles: dict[lineage.Kind, str] = {"value": "Made of", "condition": "Decided by"}
    for kind, title in titles.items():
        feeds = traced.feeds(kind)
        if feeds:
            out.print(f"\n{title}:", *(f"  {line}" for line in feeds), sep="\n", soft_wrap=True)


def _branch(branch: lineage.Branch) -> str:
    text = escape(branch.node.label)
    if branch.step is not None and branch.step.kind == "condition":
        ways = branch.step.transformations.replace("_", " ")
        text = f"[dim]{text}{'' if ways == 'rows' else f' ({ways})'}[/]"
    if branch.step is not None and branch.step.expression:
        text += f" [dim]by {escape(' '.join(branch.step.expression.split()))}[/]"
    if branch.is_repeated:
        text += " [dim](above)[/]"
    return f"{text} [dim]+{branch.hidden}[/]" if branch.hidden else text


def _print_trace(trace: Trace, limit: int) -> None:
    out.print(
        f"[bold]{escape(trace.label)}[/] ({trace.figure_code}), {trace.period}, entity "
        f"{trace.entity_code}"
        + ("" if trace.segment_type == "all" else f", {escape(trace.segment)}")
        + (f", {escape(trace.row_key)}" if trace.row_key else ""),
        soft_wrap=True,
    )
    out.print(f"  {trace.formula}", soft_wrap=True)
    if trace.formula_with_numbers != trace.formula:
        out.print(f"= {trace.formula_with_numbers}", soft_wrap=True)
    out.print(f"= [bold]{written(trace.value)}[/]", soft_wrap=True)
    for part in trace.parts:
        _print_part(trace, part, limit)
    out.print(
        f"As of {trace.as_of_date}, run {trace.run['run_id']}, known at {trace.run['known_at']} "
        "UTC. The whole evidence: --format csv, json or html.",
        soft_wrap=True,
    )


def _print_part(trace: Trace, part: Part, limit: int) -> None:
    value = f"{part.column} = {written(part.value)}"
    if part.kind != "rows":
        where = "of the calendar" if part.kind == "calendar" else "made of the parts below"
        out.print(f"\n{value}  ({where})", soft_wrap=True)
        return
    verdict = {True: "adds up to it", False: "[red]adds up to[/]", None: "no value to add up to"}
    records = f"{part.row_count:,} record{'' if part.row_count == 1 else 's'}"
    out.print(
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
            cell(values["event_date"]),
            "" if values["days"] is None else str(values["days"]),
            f"{cell(values['document_amount'])} {values['currency_code']}" if has_amount else "",
            written(values["contribution"]),
            escape(f"{values['source_file']}:{values['source_row']}" if has_source else ""),
        )
    # A pipe has no width.
    (out if out.is_terminal else Console(highlight=False, width=_WIDE)).print(table)
    if part.row_count > limit:
        out.print(f"and {part.row_count - limit:,} smaller ones", soft_wrap=True)
