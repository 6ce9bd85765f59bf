"""The contract of the canonical feeds, read from the dbt sources that define it."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from encours.errors import UsageError

CONTRACT_FOLDER = Path(__file__).resolve().parents[2] / "models" / "staging" / "feeds"

Role = Literal["key", "required", "optional_key", "optional"]
Kind = Literal["varchar", "date", "decimal", "integer", "boolean"]

ROLES: tuple[Role, ...] = ("key", "required", "optional_key", "optional")
_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)")
_OTHER_KINDS: dict[str, Kind] = {
    "varchar": "varchar",
    "date": "date",
    "integer": "integer",
    "boolean": "boolean",
}

LINEAGE: tuple[tuple[str, str], ...] = (
    ("_source", "varchar"),
    ("_source_file", "varchar"),
    ("_source_row", "bigint"),
    ("_load_id", "varchar"),
    ("_loaded_at", "timestamp"),
)
"""The columns that every raw row carries after those of its feed, with their types."""


@dataclass(frozen=True)
class Column:
    """One column of a feed; `data_type` is its SQL type, `scale` the decimals it keeps."""

    name: str
    data_type: str
    description: str
    role: Role
    kind: Kind
    precision: int = 0
    scale: int = 0
    values: tuple[str, ...] = ()
    default: str | None = None

    @property
    def is_key(self) -> bool:
        """Whether it is part of the key of the feed."""
        return self.role in ("key", "optional_key")

    @property
    def is_required(self) -> bool:
        """Whether a row without it is refused."""
        return self.role in ("key", "required")


@dataclass(frozen=True)
class Check:
    """A condition over the typed columns of one row; false refuses the row for `reason`."""

    sql: str
    reason: str


@dataclass(frozen=True)
class Feed:
    """One canonical feed: its columns in order, and the checks on a row."""

    name: str
    description: str
    columns: tuple[Column, ...]
    checks: tuple[Check, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        """Names of the columns that identify a row."""
        return tuple(column.name for column in self.columns if column.is_key)

    def column(self, name: str) -> Column | None:
        """The column of that name, if there is one."""
        return next((column for column in self.columns if column.name == name), None)


Contract = Mapping[str, Feed]
"""All canonical feeds by name."""


@cache
def load_contract(folder: Path = CONTRACT_FOLDER) -> Contract:
    """Read the feeds from the dbt source files of a folder.

    Raises:
        UsageError: A file cannot be read as a contract; the message names file and column.
    """
    paths = sorted(folder.glob("*.yml"))
    if not paths:
        raise UsageError(f"{folder}: no feed is defined there. Run from a complete checkout.")
    return {feed.name: feed for path in paths for feed in _feeds_of(path)}


def nearest(name: str, names: Iterable[str]) -> str:
    """A sentence that suggests the most similar of some names, or lists them all."""
    known = list(names)
    by_lower_case = {candidate.lower(): candidate for candidate in known}
    similar = difflib.get_close_matches(name.lower(), list(by_lower_case), n=1, cutoff=0.6)
    if similar:
        return f"Did you mean '{by_lower_case[similar[0]]}'?"
    return "There are: " + ", ".join(known) + "."


def _feeds_of(path: Path) -> Iterator[Feed]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        tables = [table for source in content["sources"] for table in source["tables"]]
    except (yaml.YAMLError, KeyError, TypeError, OSError) as error:
        raise UsageError(f"{path}: not a dbt source file: {error}") from error
    for table in tables:
        yield _feed(path, table)


def _feed(path: Path, table: dict[str, Any]) -> Feed:
    checks = table.get("config", {}).get("meta", {}).get("checks", [])
    return Feed(
        name=table["name"],
        description=table.get("description", ""),
        columns=tuple(_column(path, table["name"], column) for column in table["columns"]),
        checks=tuple(Check(sql=check["sql"], reason=check["reason"]) for check in checks),
    )


def _column(path: Path, feed: str, column: dict[str, Any]) -> Column:
    meta = column.get("config", {}).get("meta", {})
    data_type = str(column["data_type"])
    decimal = _DECIMAL.fullmatch(data_type)
    kind: Kind | None = "decimal" if decimal else _OTHER_KINDS.get(data_type)
    role = meta.get("role", "optional")
    if kind is None or role not in ROLES:
        raise UsageError(
            f"{path}: {feed}.{column['name']}: data_type {data_type} or role {role} is not known. "
            f"Types are decimal(p, s), {', '.join(_OTHER_KINDS)}; roles are {', '.join(ROLES)}."
        )
    default = meta.get("default")
    return Column(
        name=column["name"],
        data_type=data_type,
        description=column.get("description", ""),
        role=role,
        kind=kind,
        precision=int(decimal.group(1)) if decimal else 0,
        scale=int(decimal.group(2)) if decimal else 0,
        values=tuple(str(value) for value in meta.get("values", [])),
        default=None if default is None else str(default),
    )
