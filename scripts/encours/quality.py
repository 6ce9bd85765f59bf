"""What the second gate expects: the defaults of the project, and what a source says otherwise."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from encours.errors import DataError
from encours.home import Home, write_json

DEFAULTS = Path(__file__).with_name("quality.yml")

Severity = Literal["error", "warning", "ignore"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Volume(_Strict):
    """Rows of a delivery, as a part of those expected."""

    severity: Severity
    min_ratio: float = Field(ge=0)
    max_ratio: float = Field(gt=0)
    min_rows: int = Field(ge=1)


class Freshness(_Strict):
    """Age of the newest date of a delivery, in days."""

    severity: Severity
    min_loads: int = Field(ge=1)
    grace_days: int = Field(ge=0)
    max_age_days: int | None = Field(ge=0)


class Completeness(_Strict):
    """Part of the rows that fill a column."""

    severity: Severity
    min_ratio: float = Field(ge=0, le=1)
    max_drop: float = Field(ge=0, le=1)
    min_values: int = Field(ge=1)


class Values(_Strict):
    """Codes that are new, and entities that are gone."""

    severity: Severity


class Distribution(_Strict):
    """Size of the amounts."""

    severity: Severity
    max_factor: float = Field(gt=1)
    noted_factor: float = Field(gt=1)


class FeedQuality(_Strict):
    """What is expected of one feed of one source."""

    volume: Volume
    freshness: Freshness
    completeness: Completeness
    values: Values
    distribution: Distribution


class Marts(_Strict):
    """What is expected of the published tables."""

    severity: Severity
    min_ratio: float
    min_rows: int
    min_values: int


class Limit(_Strict):
    """Largest change of a figure: a part of what it was, or a difference."""

    ratio: float | None = None
    points: float | None = None


class Rates(_Strict):
    """Largest changes of key rates."""

    severity: Severity
    limits: dict[str, Limit]


class Watched(_Strict):
    """Columns of a feed by which it is judged."""

    date: str | None = None
    amount: str | None = None


class Defaults(FeedQuality):
    """Everything in the file of defaults."""

    marts: Marts
    rates: Rates
    feeds: dict[str, Watched]
    codes: list[str]


SECTIONS = tuple(FeedQuality.model_fields)
"""The sections that a source may override."""


def keys_of(section: str) -> tuple[str, ...]:
    """The keys that a section may have."""
    content = defaults().model_dump(include={section})[section]
    return tuple(content)


@cache
def defaults() -> Defaults:
    """The defaults of the project."""
    return Defaults.model_validate(yaml.safe_load(DEFAULTS.read_text(encoding="utf-8")))


def of_feed(overrides: Mapping[str, Any], feed: str) -> FeedQuality:
    """What is expected of a feed of a source with such a `quality` section.

    Raises:
        ValidationError: A key is not known, or a value is not valid.
    """
    own = overrides.get("feeds", {}).get(feed, {})
    content = defaults().model_dump(include=set(SECTIONS))
    for layer in ({key: value for key, value in overrides.items() if key != "feeds"}, own):
        for section, values in layer.items():
            known = content.get(section)
            if isinstance(known, dict) and isinstance(values, dict):
                content[section] = {**known, **values}
            else:
                content[section] = values
    return FeedQuality.model_validate(content)


def remember(home: Home, sections: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Keep the `quality` sections of sources, by name, for validation as a step of its own."""
    known = remembered(home)
    updated = dict(known)
    for name, section in sections:
        updated.pop(name, None)
        if section:
            updated[name] = dict(section)
    if updated != known:
        write_json(home.quality, updated)


def remembered(home: Home) -> dict[str, dict[str, Any]]:
    """The `quality` sections of the sources, as they were when each was last read.

    Raises:
        DataError: The file that keeps them cannot be read.
    """
    if not home.quality.is_file():
        return {}
    try:
        content: dict[str, dict[str, Any]] = json.loads(home.quality.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(
            f"{home.quality}: cannot be read. Remove it and run the sources again. ({error})"
        ) from error
    return content
