"""Hashes: of files, of records, and of what a table says, however it is stored."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import duckdb

_ROWS_AT_ONCE = 20_000
_FAST_PRECISION = 18  # digits of the decimals that DuckDB keeps in 64 bits


def text_sha256(text: str) -> str:
    """The SHA-256 of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def record_sha256(record: dict[str, Any]) -> str:
    """The SHA-256 of a JSON object, whatever the order of its names, in hexadecimal."""
    return text_sha256(
        json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    )


def table_sha256(connection: duckdb.DuckDBPyConnection, relation: str) -> str:
    """The SHA-256 of what a table says, in hexadecimal; the same in DuckDB and in Parquet.

    Hashed are the columns with their types, one per line, then the rows in their order, one per
    line: values as DuckDB writes them as text, separated by commas; texts with their length in
    bytes and a colon before them, `~` for NULL.

    Args:
        connection: Open connection; threads may share it.
        relation: The table, as SQL; published tables lie in the order of their grain.
    """
    cursor = connection.cursor()
    columns = cursor.execute(f"describe from {relation}").fetchall()
    digest = hashlib.sha256("".join(f"{name} {kind}\n" for name, kind, *_ in columns).encode())
    values = ", ".join(f"coalesce({_value(name, kind)}, '~')" for name, kind, *_ in columns)
    cursor.execute(f"select concat_ws(',', {values}) || chr(10) from {relation}")
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        digest.update("".join(row[0] for row in rows).encode())
    return digest.hexdigest()


def _value(name: str, kind: str) -> str:
    """A column as text; the text of a wide decimal is ten times faster by way of a narrow one."""
    column = '"' + name.replace('"', '""') + '"'
    wide = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind)
    if kind == "VARCHAR":
        return f"strlen({column}) || ':' || {column}"
    text = f"cast({column} as varchar)"
    if wide and int(wide[1]) > _FAST_PRECISION > int(wide[2]):
        narrow = f"cast(try_cast({column} as decimal({_FAST_PRECISION}, {wide[2]})) as varchar)"
        return f"{narrow}, {text}"
    return text
