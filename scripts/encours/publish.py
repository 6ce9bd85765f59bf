"""Publish: put the tested tables where readers are, in one step that none of them notices."""

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from encours import findings, runs
from encours.build import docs_path, manifest_path
from encours.errors import DataError, UsageError
from encours.evidence import publish_evidence
from encours.hashes import record_sha256, table_sha256, text_sha256
from encours.home import Home, move_whole, sync_file, sync_folder, write_whole
from encours.lake import quoted, utc
from encours.lineage import events
from encours.runs import Run

DEFINITIONS = "views and functions"
PUBLISHED_SCHEMAS = ("marts", "audit")
RUNS_TABLE = "audit.runs"


def built_run(home: Home, *, also_invalid: bool = False) -> Run:
    """The run that stands in the build database, if it passed every test.

    Args:
        home: Home folder.
        also_invalid: Take one that only validation stopped, too.

    Raises:
        UsageError: Nothing is built, or what is built did not pass.
    """
    candidates = [
        run
        for run in runs.read_all(home)
        if run.status in ("built", "published") or (also_invalid and run.validation == "failed")
    ]
    run_id = _built_run_id(home)
    for run in candidates:
        if run.run_id == run_id:
            return run
    raise UsageError(
        f"{home.path}: nothing there is built and tested. Run `encours build` first; "
        "what failed a test is never published."
    )


def publish(home: Home, run: Run, clock: Callable[[], datetime]) -> None:
    """Write the tables of the build to a new database, then give it the readers' name.

    A reader that has the old database open keeps it whole; whoever opens next sees the new one.

    Args:
        home: Home folder.
        run: A run with the status `built` whose tables stand in the build database.
        clock: Gives the moment at which the run is finished.

    Raises:
        UsageError: The build database holds another run, or a run that did not pass.
    """
    if run.status != "built" or _built_run_id(home) != run.run_id:
        raise UsageError(f"{home.path}: run {run.run_id} is not built. Run `encours build` first.")
    unfinished = home.published_database.with_name("encours.duckdb.unfinished")
    for leftover in (unfinished, unfinished.with_name(unfinished.name + ".wal")):
        leftover.unlink(missing_ok=True)
    manifest = json.loads(manifest_path(home, run).read_text(encoding="utf-8"))
    descriptions, grains = _descriptions(manifest), _grains(manifest)
    with duckdb.connect(str(unfinished)) as connection:
        connection.execute(f"attach {quoted(str(home.build_database))} as build (read_only)")
        for schema, table in _tables(connection, "build"):
            connection.execute(f"create schema if not exists {schema}")
            # In a fixed order, so that equal figures give equal files, and readers skip what they
            # do not ask for.
            order = ", ".join(grains.get((schema, table), ["all"]))
            connection.execute(
                f"create table {schema}.{table} as from build.{schema}.{table} order by {order}"
            )
            _comment(connection, schema, table, descriptions)
            run.published_rows[f"{schema}.{table}"] = _count(connection, schema, table)
        findings.archive(connection, home, run)
        for schema, table in publish_evidence(connection, manifest):
            run.published_rows[f"{schema}.{table}"] = _count(connection, schema, table)
        for schema, table in _tables(connection, None, ("evidence",)):
            _comment(connection, schema, table, descriptions)
        connection.execute("detach build")
    # Opened again: what is hashed is what readers will find.
    with duckdb.connect(str(unfinished)) as connection:
        run.tables_sha256 = published_hashes(connection)
        run.outputs_sha256 = outputs_sha256(run.tables_sha256)
        run.status = "published"
        run.finished_at = utc(clock())
        runs.seal(home, run)
        runs.complete(connection, RUNS_TABLE, run)
        connection.execute("checkpoint")
    sync_file(unfinished)
    move_whole(unfinished, home.published_database)
    if docs_path(home).is_file():  # not beside a build of an earlier version
        write_whole(home.docs, docs_path(home).read_bytes())
    events.ended(home, run)
    runs.save(home, run)


def outputs_sha256(tables_sha256: dict[str, str]) -> str:
    """One hash of all tables of figures; equal hashes, equal figures."""
    figures = {name: sha for name, sha in tables_sha256.items() if name.startswith("marts.")}
    return record_sha256(figures)


def publish_parquet(home: Home) -> Path:
    """Write the published tables as Parquet, one folder each, and return their common folder.

    The folder `parquet` is a link to the newest version and changes in one step; the version
    before stays for those who are reading it.

    Raises:
        UsageError: Nothing is published yet.
    """
    published = runs.read_published(home)
    if published is None:
        raise UsageError(
            f"{home.path}: nothing is published there. Run `encours run SOURCE.yml` first."
        )
    versions = home.path / "parquet-versions"
    version = versions / published.run_id
    link = home.path / "parquet"
    if not version.is_dir():
        unfinished = versions / f"{published.run_id}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        with duckdb.connect(str(home.published_database), read_only=True) as connection:
            for schema, table in _tables(connection, None):
                folder = unfinished / f"{schema}.{table}"
                folder.mkdir(parents=True)
                path = folder / f"{table}.parquet"
                connection.execute(f"copy {schema}.{table} to {quoted(str(path))} (format parquet)")
                sync_file(path)
        move_whole(unfinished, version)
    if link.exists() and not link.is_symlink():
        raise DataError(f"{link}: this is not a link that encours made. Move it away.")
    previous = link.resolve() if link.is_symlink() else None
    new_link = home.path / "parquet.unfinished"
    new_link.unlink(missing_ok=True)
    new_link.symlink_to(version.relative_to(home.path), target_is_directory=True)
    new_link.replace(link)
    sync_folder(home.path)
    for old in versions.iterdir():
        if old.resolve() not in (version.resolve(), previous):
            shutil.rmtree(old)
    return link


def _built_run_id(home: Home) -> str | None:
    if not home.build_database.is_file():
        return None
    try:
        with duckdb.connect(str(home.build_database), read_only=True) as connection:
            row = connection.execute("select run_id from raw.run_parameters").fetchone()
    except duckdb.Error:  # a build that was killed while it wrote
        return None
    return str(row[0]) if row else None


def _count(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> int:
    count = connection.execute(f"select count(*) from {schema}.{table}").fetchone()
    return int(count[0]) if count else 0


def _tables(
    connection: duckdb.DuckDBPyConnection,
    database: str | None,
    schemas: tuple[str, ...] = PUBLISHED_SCHEMAS,
) -> list[tuple[str, str]]:
    listed = ", ".join(quoted(schema) for schema in schemas)
    catalog = quoted(database) if database else "current_database()"
    rows = connection.execute(
        "select table_schema, table_name from information_schema.tables "
        f"where table_catalog = {catalog} and table_schema in ({listed}) order by all"
    ).fetchall()
    return [(str(schema), str(table)) for schema, table in rows]


def published_hashes(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The SHA-256, in hexadecimal, of each table of a published database but that of the runs.

    The table of the runs holds the hashes. Under the name DEFINITIONS stands the hash of the text
    of views and functions.
    """
    rows = connection.execute(
        "select schema_name || '.' || table_name as name from duckdb_tables() "
        "where database_name = current_database() and not temporary "
        "order by estimated_size * column_count desc, name"
    ).fetchall()
    tables = [str(row[0]) for row in rows if row[0] != RUNS_TABLE]
    # The rows of one table come one after another; several tables keep all processors busy.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        hashes = dict(
            zip(tables, pool.map(lambda name: table_sha256(connection, name), tables), strict=True)
        )
    definitions = connection.execute(
        "select schema_name, view_name, sql from duckdb_views() "
        "where database_name = current_database() and not internal union all "
        "select schema_name, function_name, parameters::varchar || macro_definition "
        "from duckdb_functions() where database_name = current_database() and not internal "
        "order by all"
    ).fetchall()
    text = "\n".join("\t".join(map(str, row)) for row in definitions)
    return dict(sorted(hashes.items())) | {DEFINITIONS: text_sha256(text)}


def _descriptions(manifest: dict[str, Any]) -> dict[tuple[str, str], Any]:
    nodes = manifest["nodes"].values()
    return {
        (node["schema"], node["name"]): node for node in nodes if node["resource_type"] == "model"
    }


def _grains(manifest: dict[str, Any]) -> dict[tuple[str, str], list[str]]:
    """The columns that identify a row of each table, from the test of its grain."""
    grains = {}
    for node in manifest["nodes"].values():
        test = node.get("test_metadata") or {}
        if test.get("name") == "unique_combination":
            model = manifest["nodes"][node["attached_node"]]
            grains[model["schema"], model["name"]] = list(test["kwargs"]["columns"])
    return grains


def _comment(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    table: str,
    descriptions: dict[tuple[str, str], Any],
) -> None:
    node = descriptions[schema, table]
    text = node["description"].strip()
    is_view = schema == "evidence" and node["config"].get("meta", {}).get("published_as") != "table"
    kind = "view" if is_view else "table"
    connection.execute(f"comment on {kind} {schema}.{table} is {quoted(text)}")
    for name, column in node["columns"].items():
        text = column["description"].strip()
        connection.execute(f'comment on column {schema}.{table}."{name}" is {quoted(text)}')
