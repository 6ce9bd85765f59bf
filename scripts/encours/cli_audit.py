"""The commands of those who audit: they read the command line, print, and set the exit status."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from encours.terminal import HomeOption, existing, out, progress
from encours.verify import verify


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
