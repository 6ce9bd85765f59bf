"""The lineage of the models, read from what dbt compiled, and kept until the code changes."""

import contextlib
import csv
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from encours.errors import DataError, UsageError
from encours.home import Home
from encours.lake import quoted
from encours.lineage.terms import ROWS
from encours.project import PROJECT_FOLDER

_UPSTREAM = "upstream_schema varchar, upstream_name varchar, upstream_type varchar"
_TABLES = {
    "model_tables": f"schema varchar, name varchar, type varchar, {_UPSTREAM}",
    "model_columns": "schema varchar, name varchar, type varchar, column_name varchar, "
    f"{_UPSTREAM}, upstream_column varchar, kind varchar, transformations varchar",
}
_KEPT = 20
"""Code of so many states has its lineage kept; each takes a tenth of a megabyte."""

Lineage = dict[str, list[list[str]]]
"""Rows of raw.model_tables and raw.model_columns, by the name of the table."""


def kept(home: Home, code_sha256: str) -> Path | None:
    """Where the lineage of the code with a hash is, if it was read before, for any home folder."""
    return next(filter(_is_whole, _folders(home, code_sha256)), None)


def keep(home: Home, code_sha256: str, lineage: Lineage) -> Path:
    """Write down the lineage of the code with a hash, and return where; the oldest go.

    Raises:
        UsageError: Neither the project nor the home folder can be written.
    """
    for folder in _folders(home, code_sha256):
        unfinished = folder.with_name(f"unfinished-{os.getpid()}")
        with contextlib.suppress(OSError, duckdb.IOException):
            unfinished.mkdir(parents=True, exist_ok=True)
            with duckdb.connect() as connection:
                for name, columns in _TABLES.items():
                    connection.execute(f"create table {name} ({columns})")
                    _insert(connection, name, lineage[name])
                    path = quoted(str(unfinished / f"{name}.parquet"))
                    connection.execute(f"copy {name} to {path} (format parquet)")
            unfinished.replace(folder)
            for old in sorted(folder.parent.iterdir(), key=_changed_at)[:-_KEPT]:
                shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(unfinished, ignore_errors=True)
        if _is_whole(folder):  # written here, or by another run at the same time
            return folder
    raise UsageError(f"{home.path.resolve()}: this home folder cannot be written.")


def register(connection: duckdb.DuckDBPyConnection, folder: Path | None) -> None:
    """Create raw.model_tables, which table reads which, and raw.model_columns, by column.

    Args:
        connection: Open connection; existing tables of these names are replaced.
        folder: Where the lineage is kept; None makes them empty.
    """
    connection.execute("create schema if not exists raw")
    for name, columns in _TABLES.items():
        connection.execute(f"create or replace table raw.{name} ({columns})")
        if folder is not None:
            path = quoted(str((folder / f"{name}.parquet").resolve()))
            connection.execute(f"insert into raw.{name} from read_parquet({path})")


def read(manifest: Mapping[str, Any], raw: Mapping[str, Sequence[str]]) -> Lineage:
    """Read the lineage of every model from its compiled SQL.

    Args:
        manifest: Manifest of dbt, as a document, in which every model is compiled.
        raw: Columns of the tables of the schema raw, by name.

    Raises:
        DataError: The SQL of a model cannot be read; the message names it.
    """
    # They take a fifth of a second to import: only a run of changed code waits for them.
    from sqlglot.errors import SqlglotError  # noqa: PLC0415
    from sqlglot.schema import MappingSchema  # noqa: PLC0415

    from encours.lineage.statement import columns_of  # noqa: PLC0415

    nodes = {**manifest["nodes"], **manifest["sources"]}
    schema = MappingSchema(dialect="duckdb")
    for name, columns in raw.items():
        schema.add_table(f"raw.{name}", dict.fromkeys(columns, "varchar"))
    for node in nodes.values():
        if node["resource_type"] == "seed":
            columns = _header(PROJECT_FOLDER / node["original_file_path"])
            schema.add_table(_relation(node), dict.fromkeys(columns, "varchar"))
    types = {(node["schema"], node["name"]): _type(node) for node in nodes.values()}
    tables: list[list[str]] = []
    rows: list[list[str]] = []
    for node in _in_order(nodes):
        sql = node["compiled_code"].replace(f'"{node["database"]}".', "")
        try:
            found = columns_of(sql, schema)
        except (SqlglotError, ValueError) as error:
            raise DataError(
                f"{node['original_file_path']}: the lineage of this model cannot be read: "
                f"{str(error).splitlines()[0]}. Write it in SQL that sqlglot understands."
            ) from error
        own = [node["schema"], node["name"], "model"]
        names = [name for name in found if name != ROWS]
        schema.add_table(_relation(node), dict.fromkeys(names, "varchar"))
        parents = {
            (nodes[parent]["schema"], nodes[parent]["name"])
            for parent in node["depends_on"]["nodes"]
        }
        tables += [[*own, *parent, types[parent]] for parent in sorted(parents)]
        for column, origins in sorted(found.items()):
            ways: dict[tuple[str, str, str, str], set[str]] = {}
            for origin in origins:
                kind = "value" if origin.is_value else "condition"
                place = (origin.schema, origin.table, origin.column, kind)
                ways.setdefault(place, set()).add(origin.way)
            for (upstream, table, name, kind), way in sorted(ways.items()):
                read_from = [upstream, table, types[upstream, table], name]
                rows.append([*own, column, *read_from, kind, ", ".join(sorted(way))])
    return {"model_tables": tables, "model_columns": rows}


def _folders(home: Home, code_sha256: str) -> Iterator[Path]:
    """Where it is kept: beside what dbt parsed, or in the home folder if that cannot be written."""
    for folder in (PROJECT_FOLDER / "target", home.path / "dbt"):
        yield folder / "lineage" / code_sha256


def _is_whole(folder: Path) -> bool:
    return all((folder / f"{name}.parquet").is_file() for name in _TABLES)


def _changed_at(path: Path) -> float:
    return path.stat().st_mtime


def _insert(connection: duckdb.DuckDBPyConnection, name: str, rows: list[list[str]]) -> None:
    if rows:
        marks = ", ".join(["unnest(?)"] * len(rows[0]))
        columns = [list(column) for column in zip(*rows, strict=True)]
        connection.execute(f"insert into {name} select {marks}", columns)


def _in_order(nodes: Mapping[str, Any]) -> Iterator[Any]:
    """The models, each after those that it reads."""
    done: set[str] = set()

    def visit(name: str) -> Iterator[Any]:
        node = nodes.get(name)
        if node is None or name in done or node["resource_type"] != "model":
            return
        done.add(name)
        for parent in node["depends_on"]["nodes"]:
            yield from visit(parent)
        yield node

    for name in nodes:
        yield from visit(name)


def _type(node: Mapping[str, Any]) -> str:
    """What a table is: a model, a seed, a feed, or what the command writes down itself."""
    if node["resource_type"] == "source":
        return "feed" if node["source_name"] == "raw" else "run"
    return str(node["resource_type"])


def _relation(node: Mapping[str, Any]) -> str:
    return f"{node['schema']}.{node['name']}"


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as stream:
        return next(csv.reader(stream))
