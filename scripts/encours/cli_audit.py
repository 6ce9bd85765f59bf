"""The commands of those who audit: they read the command line, print, and set the exit status."""

import getpass
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from encours import closes
from encours.closes import Period
from encours.errors import UsageError
from encours.terminal import HomeOption, existing, out, progress
from encours.verify import verify

PeriodArgument = Annotated[
    str, typer.Argument(metavar="PERIOD", help="Such as 2026-06, 2026-Q2 or 2026.")
]
EntityOption = Annotated[
    str | None,
    typer.Option(help="Code of the entity, `ALL` for the group alone. (default: all of them)"),
]
ByOption = Annotated[
    str | None, typer.Option(help="Who does it. (default: your name on this system)")
]


def add_commands(app: typer.Typer, clock: Callable[[], datetime]) -> None:
    """Add the commands to the application.

    Args:
        app: The application.
        clock: Gives the moment of what is written down.
    """

    @app.command("verify")
    def verify_command(
        head: Annotated[
            str | None,
            typer.Option(
                metavar="SHA256",
                help="Hash that an earlier verification printed; it must be there.",
            ),
        ] = None,
        tables: Annotated[
            bool, typer.Option(help="Read the published tables too, which takes most of the time.")
        ] = True,
        home: HomeOption = Path("warehouse"),
    ) -> None:
        """Say which file, run or table was changed by hand; changes nothing."""
        place = existing(home)
        with place.lock(), progress() as report:
            result = verify(place, report, head, with_tables=tables)
        for line in result.uncovered:
            out.print(escape(f"not covered: {line}"), soft_wrap=True)
        if result.problems:
            for line in result.problems:
                out.print(escape(line), soft_wrap=True)
            count = len(result.problems)
            out.print(f"{count} problem{'s' if count > 1 else ''} found.")
            raise typer.Exit(1)
        out.print(escape(f"As it was written: {', '.join(result.checked)}."), soft_wrap=True)
        if result.head:
            out.print(f"Head of the chain: {result.head}", soft_wrap=True)

    @app.command("close")
    def close_command(
        period: PeriodArgument,
        entity: EntityOption = None,
        by: ByOption = None,
        home: HomeOption = Path("warehouse"),
    ) -> None:
        """Freeze the KPIs of a period as they are published; what moves later is listed."""
        place = existing(home)
        with place.lock():
            closed = closes.close(place, Period.parse(period), entity, by or _user(), clock())
        rows = sum(table.rows for table in closed.tables)
        out.print(
            escape(f"Closed {closed.whose} as published by run {closed.run_id}: {rows:,} rows."),
            soft_wrap=True,
        )
        out.print("The next run shows it in audit.closes, and what moves in audit.restatements.")

    @app.command("reopen")
    def reopen_command(
        period: PeriodArgument,
        reason: Annotated[str, typer.Option(help="Why; it is kept.")],
        entity: EntityOption = None,
        by: ByOption = None,
        home: HomeOption = Path("warehouse"),
    ) -> None:
        """Reopen a closed period; what was frozen, and the trace of both, stay."""
        place = existing(home)
        with place.lock():
            reopened = closes.reopen(
                place, Period.parse(period), entity, reason, by or _user(), clock()
            )
        for event in reopened:
            out.print(escape(f"Reopened {event.whose}."))
        out.print("The next run shows it in audit.closes.")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise UsageError("The system has no name for you. Give one with --by.") from error
