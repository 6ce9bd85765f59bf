"""Build: hand the lake to dbt, and say in plain words what stopped it."""

import contextlib
import io
import json
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import duckdb

from encours import closes, findings, lake, restatements, runs
from encours.errors import DataError
from encours.feeds import load_contract
from encours.home import Home
from encours.lineage import compiled, events
from encours.project import PROFILES_FOLDER, PROJECT_FOLDER
from encours.runs import Run

Progress = Callable[[str], None]
_ROWS_SHOWN = 5


def build(home: Home, run: Run, progress: Progress) -> None:
    """Compute every table from the lake into the build database, and test them.

    Args:
        home: Home folder; the build database in it is made anew.
        run: The run; gets its as-of date, its inputs, and the status `built`.
        progress: Called with a line for each step and each finished node.

    Raises:
        DataError: A model or a test fails; the message names it, with the rows that show it.
    """
    runs.seal_earlier(home, run)
    runs.note_lake(home, run)
    run.closes_sha256 = closes.head(home, run.known_at)
    runs.save(home, run)
    events.started(home, run)
    progress("build: opening the lake")
    for path in (home.build_database, home.build_database.with_suffix(".duckdb.wal")):
        path.unlink(missing_ok=True)
    with duckdb.connect(str(home.build_database)) as connection:
        lake.register(connection, home, run.known_at)
        run.inputs_sha256 = lake.state_digest(home, run.known_at)
        run.input_rows = {
            feed: _count(connection, f"raw.{feed}") for feed in sorted(load_contract())
        }
        if not run.input_rows["invoices"] and not run.input_rows["receipts"]:
            raise DataError(
                f"{home.path}: there is no invoice and no receipt in the lake. "
                "Ingest a source first: encours run SOURCE.yml"
            )
        runs.register(connection, home, run)
        findings.register(connection, home, run)
        restatements.register(connection, home, run)
        known = compiled.kept(home, run.code_sha256 or "")
        compiled.register(connection, known)
    progress("build: starting dbt, which takes some seconds")
    with _parsed_before(_target(home), run.code_sha256):
        parsed = _dbt(home, run, ["parse"])
    if parsed.exception is not None:
        raise _stopped(home, run, parsed)
    unread = None
    if known is None:
        try:
            _read_lineage(home, run, parsed.result, progress)
        except DataError as error:  # of SQL that is wrong, the build says more
            unread = error
    results = _build(home, run, parsed.result, progress)
    with duckdb.connect(str(home.build_database), read_only=True) as connection:
        problem = _problem(connection, home, run, results)
        if problem:
            raise DataError(problem)
        if unread:
            raise unread
        row = connection.execute(
            "select as_of_date, reporting_currency_code, last_movement_date "
            "from intermediate.int_run"
        ).fetchone()
    assert row is not None
    run.as_of_date, run.reporting_currency_code, run.last_movement_date = row
    _same_currency(home, run)
    _compare_closed_periods(home, run, results, progress)
    run.status = "built"
    runs.save(home, run)


def _compare_closed_periods(
    home: Home, run: Run, results: list[dict[str, Any]], progress: Progress
) -> None:
    """Fill the tables of closed periods, and test them again."""
    if run.closes_sha256 is None:
        return
    progress("build: comparing the closed periods")
    manifest = json.loads(manifest_path(home, run).read_text(encoding="utf-8"))
    with duckdb.connect(str(home.build_database)) as connection:
        restatements.fill(connection, home, run, manifest)
        again = [
            {**result, "status": "fail", "failures": len(rows)}
            for result in results
            if _tests_closed_periods(manifest, result["unique_id"])
            and (rows := _rows(connection, result.get("compiled_code")))
        ]
        problem = _problem(connection, home, run, again)
    if problem:
        raise DataError(problem)


def _tests_closed_periods(manifest: dict[str, Any], unique_id: str) -> bool:
    node = manifest["nodes"].get(unique_id, {})
    model = manifest["nodes"].get(node.get("attached_node"), {})
    return f"{model.get('schema')}.{model.get('name')}" in restatements.TABLES


def _same_currency(home: Home, run: Run) -> None:
    """Stop when what readers see would change its currency and nobody asked for it."""
    published = runs.read_published(home)
    if published is None or run.reporting_currency_requested is not None:
        return
    if published.reporting_currency_code != run.reporting_currency_code:
        raise DataError(
            f"The published figures are in {published.reporting_currency_code}; the data now lead "
            f"to {run.reporting_currency_code}. Say which with --reporting-currency. "
            "Nothing was published."
        )


def _read_lineage(home: Home, run: Run, manifest: Any, progress: Progress) -> None:
    """Read the lineage of code that is new, for this run and those to come.

    Where a model does not compile nothing is read: the build says what is wrong with it.
    """
    progress("build: reading the lineage of changed models, which takes some seconds")
    outcome = _dbt(home, run, ["compile", "--select", "resource_type:model"], manifest)
    if not outcome.success:
        return
    document = json.loads((_target(home) / "manifest.json").read_text(encoding="utf-8"))
    with duckdb.connect(str(home.build_database)) as connection:
        columns: dict[str, list[str]] = {}
        for table, column in connection.execute(
            "select table_name, column_name from information_schema.columns "
            "where table_schema = 'raw' order by table_name, ordinal_position"
        ).fetchall():
            columns.setdefault(table, []).append(column)
        lineage = compiled.read(document, columns)
        compiled.register(connection, compiled.keep(home, run.code_sha256 or "", lineage))


def _target(home: Home) -> Path:
    return (home.path / "dbt").resolve()


def _build(home: Home, run: Run, manifest: Any, progress: Progress) -> list[dict[str, Any]]:
    """Build and test everything, then write the pages that describe it."""
    target = _target(home)
    (target / "run_results.json").unlink(missing_ok=True)
    # Unit tests try formulas on examples, and do not depend on what was loaded.
    words = ["build", "--exclude-resource-type", "unit_test"]
    outcome = _dbt(home, run, words, manifest, progress)
    for name in ("manifest.json", "run_results.json"):
        if (target / name).is_file():
            shutil.copyfile(target / name, runs.folder(home, run) / name)
    if outcome.exception is not None or not (target / "run_results.json").is_file():
        raise _stopped(home, run, outcome)
    if outcome.success:
        described = _dbt(home, run, ["docs", "generate", "--static", "--no-compile"], manifest)
        if not described.success:
            raise _stopped(home, run, described)
    document = json.loads((target / "run_results.json").read_text(encoding="utf-8"))
    results: list[dict[str, Any]] = document["results"]
    return results


def _stopped(home: Home, run: Run, outcome: Any) -> DataError:
    log = runs.folder(home, run).resolve() / "dbt.log"
    return DataError(f"dbt stopped: {outcome.exception}. Its log is {log}.")


def _dbt(
    home: Home,
    run: Run,
    words: list[str],
    manifest: Any = None,
    progress: Progress | None = None,
) -> Any:
    """Run a command of dbt in this process.

    Args:
        home: Home folder.
        run: The run; its folder gets the log.
        words: The command and its options.
        manifest: What dbt parsed; None has it parse.
        progress: Called with a line for each finished node.
    """
    # dbt takes two seconds to import: only the commands that build wait for it.
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    # Without the folder in its path, so that what dbt parsed for one home folder serves all others.
    os.environ["ENCOURS_BUILD_DATABASE"] = home.build_database.name
    os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    runner = dbtRunner(manifest, callbacks=[_reporter(progress)] if progress else [])
    options = [
        *("--project-dir", str(PROJECT_FOLDER)),
        *("--profiles-dir", str(PROFILES_FOLDER)),
        *("--target-path", str(_target(home))),
        *("--log-path", str(runs.folder(home, run).resolve())),
        *("--log-level", "none", "--log-level-file", "info"),
        "--no-use-colors",
        "--no-version-check",
    ]
    # dbt prints empty lines of its own, whatever its log level.
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.chdir(home.path),
        _interrupts() as interrupts,
    ):
        outcome = runner.invoke([*words, *options])
    # What dbt says of an interrupt depends on the moment; a closed connection, for one.
    if interrupts or isinstance(outcome.exception, KeyboardInterrupt):
        raise KeyboardInterrupt
    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    return outcome


@contextlib.contextmanager
def _parsed_before(target: Path, code_sha256: str | None) -> Iterator[None]:
    """Let a new home folder begin with what dbt parsed of the same code for another one.

    Parsing takes longer than a small build. A project folder that cannot be written is left alone.
    """
    own = target / "partial_parse.msgpack"
    shared = PROJECT_FOLDER / "target" / "parsed" / f"{code_sha256}.msgpack"
    if not own.is_file() and shared.is_file():
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(shared, own)
    yield
    if own.is_file() and not shared.is_file():
        with contextlib.suppress(OSError):
            shared.parent.mkdir(parents=True, exist_ok=True)
            for older in shared.parent.glob("*.msgpack"):
                older.unlink(missing_ok=True)
            unfinished = shared.with_suffix(f".{os.getpid()}")
            shutil.copyfile(own, unfinished)
            unfinished.replace(shared)


@contextlib.contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Lists the interrupts that come while the block runs, and passes them on."""
    seen: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield seen
        return
    previous = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        if callable(previous):
            previous(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, previous)


def _reporter(progress: Progress) -> Callable[[Any], None]:
    """A listener that says which node was finished, of how many."""

    def report(event: Any) -> None:
        if event.info.name in ("LogModelResult", "LogSeedResult"):
            data = event.data
            progress(
                f"build: {data.index}/{data.total} "
                f"{data.node_info.node_name} ({data.execution_time:.1f} s)"
            )

    return report


def _problem(
    connection: duckdb.DuckDBPyConnection, home: Home, run: Run, results: list[dict[str, Any]]
) -> str | None:
    """What stopped the build, in words; None when nothing did."""
    failed = [result for result in results if result["status"] in ("error", "fail")]
    if not failed:
        return None
    manifest = json.loads((runs.folder(home, run) / "manifest.json").read_text(encoding="utf-8"))
    lines = []
    for result in failed:
        node = manifest["nodes"].get(result["unique_id"]) or manifest["unit_tests"].get(
            result["unique_id"], {}
        )
        models = ", ".join(
            name.split(".")[-1] for name in node.get("depends_on", {}).get("nodes", [])
        )
        kind = node.get("resource_type", "node").replace("_", " ")
        over = f" (over {models})" if models and kind == "test" else ""
        name = node.get("name", result["unique_id"])
        rows = _rows(connection, result.get("compiled_code")) if result["status"] == "fail" else []
        if kind == "test" and rows:
            message = f"{result['failures']} found"
        elif kind == "unit test":
            message = result["message"]
        else:
            message = _first_line(result["message"])
        lines.append(f"{kind} {name}{over} failed: {message}")
        description = node.get("description")
        if kind == "test" and description:
            lines.append(f"  {description.strip()}")
        lines += rows if kind == "test" else []
    skipped = sum(result["status"] == "skipped" for result in results)
    lines.append(f"Nothing was published; {skipped} later steps were skipped.")
    lines.append(f"Details: {runs.folder(home, run) / 'run_results.json'}")
    return "\n".join(lines)


def _rows(connection: duckdb.DuckDBPyConnection, sql: str | None) -> list[str]:
    """The first rows that a failed test found, one per line."""
    if not sql:
        return []
    try:
        cursor = connection.execute(f"select * from ({sql}) limit {_ROWS_SHOWN}")
        names = [column[0] for column in cursor.description or []]
        rows = cursor.fetchall()
    except duckdb.Error:
        return []
    if names == ["message"]:
        return [f"  - {row[0]}" for row in rows]
    return [
        "  - " + ", ".join(f"{name}={value}" for name, value in zip(names, row, strict=True))
        for row in rows
    ]


def _first_line(message: str | None) -> str:
    """What the engine said, without dbt's line about where it was said."""
    lines = [line.strip() for line in (message or "").splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].startswith(("Runtime Error", "Compilation Error")):
        return lines[1]
    return lines[0] if lines else "no message"


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = connection.execute(f"select count(*) from {relation}").fetchone()
    assert row is not None
    return int(row[0])


def manifest_path(home: Home, run: Run) -> Path:
    """The dbt manifest of a run, with the descriptions of all tables."""
    return runs.folder(home, run) / "manifest.json"


def docs_path(home: Home) -> Path:
    """The page that dbt wrote for the last build that passed its tests."""
    return _target(home) / "static_index.html"
