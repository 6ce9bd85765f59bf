"""What the tests of the whole way share: how to run the command, and where things are."""

import csv
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import yaml

PROJECT = Path(__file__).resolve().parents[2]
EXAMPLES = PROJECT / "sources" / "examples"

Feeds = dict[str, list[dict[str, Any]]]


def run_encours(
    *arguments: str | Path, status: int = 0, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own and check how it ends.

    Args:
        arguments: Words of the command line after `encours`.
        status: Exit status to expect.
        environment: Variables to set besides those of the test run.
    """
    result = subprocess.run(
        [sys.executable, "-m", "encours", *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **(environment or {})},
    )
    assert result.returncode == status, f"ended with {result.returncode}\n{result.stderr}"
    return result


def write_feeds(
    feeds: Feeds, folder: Path, name: str = "hand_made", options: dict[str, Any] | None = None
) -> Path:
    """Write rows of canonical feeds as CSV files, with a source file that maps them one to one.

    Args:
        feeds: Rows by feed; None is an empty cell.
        folder: Folder of the exports; what an earlier call wrote there is replaced.
        name: Name of the source.
        options: What the source file says besides its name and its files.

    Returns:
        Path of the source file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for feed, rows in feeds.items():
        columns = list(dict.fromkeys(name for row in rows for name in row))
        with (folder / f"{feed}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
        files.append(
            {
                "path": f"{feed}.csv",
                "format": "csv",
                "load": "snapshot",
                "feeds": {feed: {name: name for name in columns}},
            }
        )
    path = folder / "source.yml"
    content = {"name": name, "files": files, **(options or {})}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def marts_that_differ(
    one: Path, other: Path, entity_code: str | None = None, leave_out: Sequence[str] = ()
) -> list[str]:
    """The marts of two published warehouses that differ, each with a row that does.

    Args:
        one: A published file.
        other: Another one.
        entity_code: Compare the rows of this entity only, in the tables that have entities.
        leave_out: Columns that are not compared.
    """
    found = []
    with duckdb.connect() as connection:
        connection.execute(f"attach '{one}' as one (read_only)")
        connection.execute(f"attach '{other}' as other (read_only)")
        tables = connection.execute(
            "select table_name, list(column_name order by column_index), "
            "list(data_type order by column_index) from duckdb_columns() "
            "where database_name = 'one' and schema_name = 'marts' group by table_name order by 1"
        ).fetchall()
        assert len(tables) > 20
        for table, all_columns, types in tables:
            kinds = dict(zip(all_columns, types, strict=True))
            columns = [name for name in all_columns if name not in leave_out]
            condition = ""
            if entity_code is not None:
                if "entity_code" not in columns:
                    continue
                condition = f"where entity_code = '{entity_code}'"
            exact = [name for name in columns if kinds[name] != "DOUBLE"]
            names = ", ".join(f'"{name}"' for name in columns)
            order = ", ".join(f'"{name}"' for name in (*exact, *columns))
            both = [
                connection.execute(
                    f"select {names} from {database}.marts.{table} {condition} order by {order}"
                ).fetchall()
                for database in ("one", "other")
            ]
            if not both[0] and not both[1]:
                continue
            if len(both[0]) != len(both[1]):
                found.append(f"{table}: {len(both[0])} rows, {len(both[1])} in the other")
            for mine, theirs in zip(*both, strict=False):
                if not all(map(_equal, mine, theirs)):
                    pairs = zip(columns, mine, theirs, strict=True)
                    found.append(
                        f"{table}: {[each for each in pairs if each[1] != each[2]]} in {mine}"
                    )
                    break
    return found


def _equal(one: Any, other: Any) -> bool:
    """Whether two values are the same; doubles are added up in any order."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return bool(one == other)
