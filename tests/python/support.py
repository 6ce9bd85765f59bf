"""What the tests of the whole way share: how to run the command, and where things are."""

import csv
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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
