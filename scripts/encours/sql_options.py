"""What a source YAML says of a database: which, what to read of it, and what is new there."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

_UNITS = {"d": "days", "h": "hours", "m": "minutes"}
_PASSWORD = re.compile(
    r"\w://[^\s/:@]*:[^\s@]+@|\w://\S*[?&][a-z_]*(pass|pwd|secret|token)[a-z_]*=", re.IGNORECASE
)
"""User and password before the host, or a password among the options."""
_STARTS = re.compile(r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/|\()*(\w*)", re.DOTALL)
_SELECTS = ("select", "with", "values", "table")


class Incremental(BaseModel):
    """Rows that changed since the last load, by a column that grows with every change.

    Attributes:
        column: Column of the table or query.
        look_back: How far behind the greatest value seen to read again.
        deletions: Whether the keys of the whole table are read, to find those that are gone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    look_back: timedelta | int
    deletions: bool = True

    @field_validator("look_back", mode="before")
    @classmethod
    def _duration_or_number(cls, content: Any) -> timedelta | int:
        found = re.fullmatch(r"([0-9]{1,9})\s*([dhm]?)", str(content).strip())
        if not found:
            raise ValueError(
                f"'{content}' is neither a duration as in 3d, 12h or 30m nor, for a column of "
                "whole numbers, a number"
            )
        number, unit = int(found[1]), found[2]
        return timedelta(**{_UNITS[unit]: number}) if unit else number


def with_path(content: dict[str, Any]) -> dict[str, Any]:
    """An entry of format sql with the name of what it reads where files have their path.

    Raises:
        ValueError: It does not say what to read.
    """
    if "path" in content:
        raise ValueError("path has no meaning for format sql; remove it, and give table or query")
    if "database" not in content:
        raise ValueError("format sql needs database, the name of an environment variable")
    if ("table" in content) == ("query" in content):
        raise ValueError("format sql needs either table or query")
    name = content.get("name", content.get("table"))
    if name is None:
        raise ValueError("a query needs a name, by which messages and the lineage call it")
    return content | {"path": f"sql:{name}"}


def check_database(text: str) -> str:
    """The name of an environment variable, or a URL.

    Raises:
        ValueError: It is neither; the message does not repeat it.
    """
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text) or "://" in text:
        return text
    raise ValueError(
        "must be the name of an environment variable that holds the URL of the database, "
        "or a URL without password such as sqlite:///erp.db"
    )


def check_query(text: str) -> str:
    """One query, without a semicolon at its end.

    Raises:
        ValueError: It is no query.
    """
    query = text.strip().rstrip(";").rstrip()
    start = _STARTS.match(query)
    word = start[1].lower() if start else ""
    if word not in _SELECTS:
        raise ValueError(f"must be a query that begins with select or with, not '{word}'")
    return query


def passwords(
    content: Any, place: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Places of a YAML where a URL holds a password, whatever for, each with a message."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from passwords(value, (*place, key))
    elif isinstance(content, list):
        for index, value in enumerate(content):
            yield from passwords(value, (*place, index))
    elif isinstance(content, str) and _PASSWORD.search(content):
        yield (
            place,
            "holds a URL with a password. Put the URL into an environment variable and name the "
            "variable under database:; change the password, since it was written in a file.",
        )
