"""Writes the demonstration company: builds its tables in a scratch database, copies them out."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb

from encours.demo import documents, draws, fec, ledger
from encours.demo.exports import Export, exports
from encours.errors import EncoursError, UsageError

Progress = Callable[[str], None]
"""Told what is about to be written, a short line at a time."""

FEWEST = 100
MOST = 100_000_000


def generate(
    folder: Path,
    *,
    invoices: int = 20_000,
    seed: int = 1,
    as_fec: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write the exports of an invented group of three companies over three years, or its ledgers.

    The same arguments give the same bytes. The files of an earlier call are replaced.

    Args:
        folder: Where the files go; created if missing.
        invoices: Number of invoices and debit notes; credit notes and what is taken over from the
            older ledger come on top.
        seed: Which company; equal seeds give equal companies.
        as_fec: Write ledgers instead, a FEC per year and entity with books in euros, and
            `fec.yml`, the source file that reads them.
        progress: Called before each table and file.

    Raises:
        UsageError: `invoices` is out of range.
        EncoursError: The folder cannot be written.
    """
    if not FEWEST <= invoices <= MOST:
        raise UsageError(
            f"--invoices {invoices}: give a number from {FEWEST} to {MOST}; "
            "a smaller company does not show every case."
        )
    tell = progress or (lambda _: None)
    stream = draws.Draws(seed)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Beside the files and not in the system's temporary folder, which may be kept in memory.
        with (
            tempfile.TemporaryDirectory(prefix=".demo-", dir=folder) as scratch,
            _open(Path(scratch)) as connection,
        ):
            for name, sql in _tables(stream, invoices) + (fec.tables(stream) if as_fec else []):
                tell(f"demo: computing {name}")
                connection.execute(f"create table {name} as {sql}")
            written = []
            for export in fec.exports() if as_fec else exports(stream):
                tell(f"demo: writing {export.name}")
                written.append(_write(connection, export, Path(scratch)))
            for path in written:
                path.replace(folder / path.name)
            if as_fec:
                text = fec.source_text(_terms(connection))
                (folder / "fec.yml").write_text(text, encoding="utf-8")
    except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise EncoursError(
            f"{folder}: cannot write the demonstration company there ({error}). "
            "Give a folder with room that can be written."
        ) from error


def _tables(stream: draws.Draws, invoices: int) -> list[tuple[str, str]]:
    customers = documents.customer_count(invoices)
    return documents.tables(stream, invoices) + ledger.tables(stream, invoices, customers)


def _terms(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Customers whose terms are not those of most."""
    return dict(
        connection.execute(
            "select customer_code, terms from customer where terms <> $default order by c",
            {"default": fec.DEFAULT_TERMS},
        ).fetchall()
    )


def _open(scratch: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(scratch / "company.duckdb"))
    connection.execute("set memory_limit = '3GB'")
    connection.execute(f"set temp_directory = {_quoted(scratch / 'spill')}")
    for macro in (*draws.MACROS, *documents.MACROS, *fec.MACROS):
        connection.execute(macro)
    return connection


def _write(connection: duckdb.DuckDBPyConnection, export: Export, scratch: Path) -> Path:
    written = scratch / export.name
    connection.execute(f"copy ({export.sql}) to {_quoted(written)} ({export.options})")
    if export.encoding == "utf-8":
        return written
    # DuckDB writes UTF-8 only.
    encoded = scratch / export.encoding / export.name
    encoded.parent.mkdir(exist_ok=True)
    with (
        written.open(encoding="utf-8", newline="") as source,
        encoded.open("w", encoding=export.encoding, newline="") as copy,
    ):
        copy.writelines(source)
    return encoded


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
