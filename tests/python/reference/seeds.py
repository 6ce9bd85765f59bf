"""Reference tables of the project, as text."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import date
from functools import cache
from pathlib import Path

SEEDS = Path(__file__).resolve().parents[3] / "seeds"

SeedRow = dict[str, str]


@cache
def seed(name: str) -> list[SeedRow]:
    """Rows of a reference table, every value as text."""
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def valid_on(rows: Iterable[SeedRow], day: date) -> SeedRow | None:
    """The row that holds on a day: the last one with `valid_from` on or before it, if any."""
    started = [row for row in rows if date.fromisoformat(row["valid_from"]) <= day]
    return max(started, key=lambda row: date.fromisoformat(row["valid_from"]), default=None)
