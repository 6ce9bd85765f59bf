"""What the commands share: the home folder as an option, where they print, how they show work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from encours.errors import UsageError
from encours.home import Home

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)
_FEW = 10  # below it, a figure is a ratio or a few days, and two decimals would say too little

HomeOption = Annotated[
    Path,
    typer.Option(
        "--home",
        envvar="ENCOURS_HOME",
        help="Folder of the warehouse.",
        file_okay=False,
    ),
]


def existing(path: Path) -> Home:
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


def cell(value: Any) -> str:
    """A value as a cell of a table shows it."""
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
def progress() -> Iterator[Callable[[str], None]]:
    """One moving line on a terminal; plain lines, one per step, elsewhere."""
    try:
        with _reporter() as report:
            yield report
    except KeyboardInterrupt:
        err.print("Interrupted: nothing was published.")
        raise


@contextmanager
def _reporter() -> Iterator[Callable[[str], None]]:
    if err.is_terminal:
        with err.status("starting") as status:
            yield lambda line: status.update(escape(line))
    else:
        last = [""]

        def plain(line: str) -> None:
            if line != last[0]:
                last[0] = line
                typer.echo(line, err=True)

        yield plain
