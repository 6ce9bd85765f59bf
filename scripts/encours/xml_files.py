"""XML that others wrote: read without DTD, entities or outside files, and within a size."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException, ElementTree

from encours.errors import DataError
from encours.text import Refusal

_STEP = re.compile(r"[^/]+")
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2}|T.*)?")


@dataclass(frozen=True)
class Extract:
    """What a file of documents gives: rows of text with their numbers in the file, from 1."""

    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    refusals: tuple[Refusal, ...] = ()
    remarks: tuple[str, ...] = ()


def extract(
    columns: tuple[str, ...],
    found: list[tuple[int, Mapping[str, str]]],
    refusals: tuple[Refusal, ...] = (),
    remarks: tuple[str, ...] = (),
) -> Extract:
    """Put values by name in the order of the columns; what is not there is empty."""
    rows = tuple((line, tuple(row.get(name, "") for name in columns)) for line, row in found)
    return Extract(columns, rows, refusals, remarks)


def content_of(path: Path, label: str, megabytes: int) -> bytes:
    """The bytes of a file.

    Args:
        path: The file.
        label: Its name in messages.
        megabytes: The most it may hold.

    Raises:
        DataError: It is larger, or cannot be read.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(megabytes * 1_000_000 + 1)
    except OSError as error:
        raise DataError(f"{label}: cannot be read: {error.strerror}.") from error
    check_size(content, label, megabytes)
    return content


def check_size(content: bytes, label: str, megabytes: int) -> None:
    """Make sure that a content is not larger than is allowed.

    Raises:
        DataError: It is.
    """
    if len(content) > megabytes * 1_000_000:
        raise DataError(
            f"{label}: is larger than {megabytes:,} MB, and is not read. If it is what it should "
            "be, set max_megabytes for this file in the source YAML."
        )


def root_of(content: bytes, label: str) -> Element:
    """The root of an XML document.

    Raises:
        DataError: It is no well-formed XML, or has a DTD, with which a small document can grow
            without end or draw in other files.
    """
    try:
        root: Element = ElementTree.fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise DataError(
            f"{label}: has a DTD (<!DOCTYPE or <!ENTITY>). Invoices and bank statements have none, "
            "and it can make a file grow without end or draw in others, so nothing of it is read. "
            "Ask for the document without it."
        ) from error
    except ParseError as error:
        line, column = error.position
        reason = str(error).partition(":")[0]
        raise DataError(
            f"{label}: line {line}, column {column + 1}: not well-formed XML ({reason}). "
            "The file may be cut off. Deliver it again."
        ) from error
    except (LookupError, ValueError) as error:
        raise DataError(f"{label}: cannot be read as XML ({error}). Deliver it again.") from error
    return root


def local_name(element: Element) -> str:
    """Name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def namespace(element: Element) -> str:
    """Namespace of an element; empty if it has none."""
    return element.tag[1:].partition("}")[0] if element.tag.startswith("{") else ""


def children(element: Element | None, path: str) -> list[Element]:
    """Elements at a path of local names below an element; none below nothing."""
    return [] if element is None else element.findall(_path(path))


def child(element: Element | None, path: str) -> Element | None:
    """The first of them."""
    return None if element is None else element.find(_path(path))


def text(element: Element | None, *paths: str) -> str:
    """The first text that is not empty at some paths, on one line; empty if there is none."""
    for path in paths:
        for found in texts(element, path):
            return found
    return ""


def texts(element: Element | None, path: str) -> Iterator[str]:
    """Yield the texts at a path that are not empty."""
    for found in children(element, path):
        if words := one_line(found.text):
            yield words


def one_line(words: str | None) -> str:
    """A text without line ends, blanks at its ends and doubled blanks."""
    return " ".join((words or "").split())


def day(words: str) -> str:
    """The day of an XML date or moment; other texts stay as they are, to be refused as such."""
    found = _DATE.fullmatch(words)
    return found[1] if found else words


@cache
def _path(path: str) -> str:
    return _STEP.sub(r"{*}\g<0>", path)
