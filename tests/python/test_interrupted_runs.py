"""A run that dies at any moment leaves readers the last version, and the next run repairs all."""

import contextlib
import hashlib
import json
import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from encours.home import Home
from encours.verify import verify
from support import Feeds, run_encours, write_feeds

pytestmark = pytest.mark.slow

# What the command says when a step begins, how often to kill it there, and up to how many seconds
# after. Twenty kills in all, five of them of the command that only publishes what is built.
STEPS = (("reading", 6, 0.3), ("build: opening", 4, 4.0), ("stg_", 5, 2.0))
PUBLISHING = ("publish:", 5, 3.0)


def _feeds(version: int) -> Feeds:
    """A small ledger; the second version lacks an invoice, and has other rows instead."""
    first = date(2026, 1, 1)
    invoices: list[dict[str, Any]] = [
        {
            "entity_code": f"E{number % 2}",
            "invoice_number": f"F{number}",
            "customer_code": f"C{number % 5}",
            "issue_date": first + timedelta(3 * number),
            "due_date": first + timedelta(3 * number + 30),
            "gross_amount": Decimal(100 + number),
            "currency_code": "EUR",
        }
        for number in range(30)
        if (number, version) != (7, 2)
    ]
    receipts: list[dict[str, Any]] = [
        {
            "entity_code": f"E{number % 2}",
            "receipt_id": f"R{number}",
            "customer_code": f"C{number % 5}",
            "receipt_date": first + timedelta(3 * number + 40),
            "amount": Decimal(100 + number),
            "currency_code": "EUR",
            "invoice_number": f"F{number}",
        }
        for number in range(0, 10 + 5 * version, 2)
    ]
    return {"invoices": invoices, "receipts": receipts}


def _marts(home: Path) -> str:
    """A hash of all that readers see of the figures, the same for the same figures."""
    digest = hashlib.sha256()
    with duckdb.connect(str(home / "encours.duckdb"), read_only=True) as connection:
        tables = connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'marts' order by 1"
        ).fetchall()
        for (table,) in tables:
            rows = connection.execute(f"from marts.{table} order by all").fetchall()
            digest.update(repr((table, rows)).encode())
        # What differs from an earlier delivery or publication depends on what there was before.
        issues = connection.execute(
            "select * exclude (first_seen_run, last_seen_run) from audit.data_issues "
            "where is_open and issue_code not like 'quality!_%' escape '!' order by all"
        ).fetchall()
        digest.update(repr(issues).encode())
    return digest.hexdigest()


def _start(home: Path, *words: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "encours", *map(str, words), "--home", str(home)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _kill_in_step(process: subprocess.Popen[str], step: str, delay: float) -> None:
    """Kill a run some seconds after it said that a step began, or wherever it is by then."""
    assert process.stderr is not None
    for line in process.stderr:
        if step in line:
            time.sleep(delay)
            break
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)
    process.stderr.close()
    process.wait()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Home folders that saw one run of a version, which nobody interrupted."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    homes = {version: folder / f"home{version}" for version in (1, 2)}
    for version, home in homes.items():
        run_encours("run", write_feeds(_feeds(version), folder / "inbox"), "--home", home)
    return homes


@pytest.fixture(scope="module")
def expected(uninterrupted: dict[int, Path]) -> dict[int, str]:
    """The figures of runs that nobody interrupted."""
    hashes = {version: _marts(home) for version, home in uninterrupted.items()}
    assert hashes[1] != hashes[2]
    return hashes


@pytest.fixture
def home(uninterrupted: dict[int, Path], tmp_path: Path) -> Path:
    """A home folder after a run of the first version."""
    shutil.copytree(uninterrupted[1], tmp_path / "home", symlinks=True)
    return tmp_path / "home"


def _seen_after_kill(home: Path, step: str, expected: dict[int, str]) -> str:
    """The figures that readers see after a kill: a whole version, and the records hold."""
    seen = _marts(home)
    assert seen in expected.values(), f"killed in {step}: readers see a half version"
    assert verify(Home(home), lambda _: None).problems == (), f"killed in {step}"
    return seen


def _run_and_check(home: Path, source: Path, expected: dict[int, str]) -> None:
    """The plain run after kills gives the second version, and leaves nothing behind."""
    run_encours("run", source, "--home", home)
    assert _marts(home) == expected[2]
    leftovers = [path.name for path in home.rglob("*.unfinished")]
    assert leftovers == []
    statuses = _statuses(home)
    assert statuses[-1] == "published"
    assert "running" not in statuses
    assert verify(Home(home), lambda _: None).problems == ()


def test_fifteen_kills_and_a_plain_run_give_the_figures_of_a_run_never_interrupted(
    tmp_path: Path, home: Path, uninterrupted: dict[int, Path], expected: dict[int, str]
) -> None:
    source = write_feeds(_feeds(2), tmp_path / "inbox")
    moments = random.Random(20260630)
    for step, kills, longest in STEPS:
        for _ in range(kills):
            _kill_in_step(_start(home, "run", source), step, moments.uniform(0, longest))
            if _seen_after_kill(home, step, expected) == expected[2]:
                # It was killed too late to be of use: start again from the first version.
                shutil.rmtree(home)
                shutil.copytree(uninterrupted[1], home, symlinks=True)
    _run_and_check(home, source, expected)


def test_five_kills_while_publishing_leave_a_whole_version_and_the_next_run_repairs_all(
    tmp_path: Path, home: Path, expected: dict[int, str]
) -> None:
    source = write_feeds(_feeds(2), tmp_path / "inbox")
    run_encours("ingest", source, "--home", home)
    run_encours("build", "--home", home)
    run_encours("validate", "--home", home)
    shutil.copytree(home, tmp_path / "validated", symlinks=True)
    moments = random.Random(20260701)
    step, kills, longest = PUBLISHING
    seen = []
    for _ in range(kills):
        _kill_in_step(_start(home, "publish"), step, moments.uniform(0, longest))
        seen.append(_seen_after_kill(home, step, expected))
        if seen[-1] == expected[2]:
            shutil.rmtree(home)
            shutil.copytree(tmp_path / "validated", home, symlinks=True)
    assert expected[1] in seen, "each was killed too late"
    _run_and_check(home, source, expected)


def _statuses(home: Path) -> list[str]:
    with duckdb.connect(str(home / "encours.duckdb"), read_only=True) as connection:
        rows = connection.execute("select status from audit.runs order by run_id").fetchall()
    return [str(row[0]) for row in rows]


def test_a_second_run_at_once_ends_with_3_and_disturbs_nothing(
    tmp_path: Path, expected: dict[int, str]
) -> None:
    home = tmp_path / "home"
    source = write_feeds(_feeds(1), tmp_path / "inbox")
    first = _start(home, "run", source)
    assert first.stderr is not None
    assert "reading" in first.stderr.readline()
    start = time.monotonic()
    second = run_encours("run", source, "--home", home, status=3)
    assert "another run holds this home folder" in second.stderr
    assert time.monotonic() - start < 10  # it does not wait for the first
    first.stderr.read()
    assert first.wait() == 0
    assert _marts(home) == expected[1]


def test_an_interrupt_ends_with_130_and_is_recorded(tmp_path: Path) -> None:
    home = tmp_path / "home"
    process = _start(home, "run", write_feeds(_feeds(1), tmp_path / "inbox"))
    assert process.stderr is not None
    for line in process.stderr:
        if "stg_" in line:
            break
    process.send_signal(signal.SIGINT)
    said = process.stderr.read()
    assert process.wait() == 130, said
    assert "Interrupted: nothing was published." in said
    assert not (home / "encours.duckdb").exists()
    (record,) = (home / "runs").glob("*/run.json")
    assert json.loads(record.read_text(encoding="utf-8"))["status"] == "interrupted"


def test_a_run_with_nothing_new_changes_nothing(tmp_path: Path, home: Path) -> None:
    source = write_feeds(_feeds(1), tmp_path / "inbox")
    before = _files(home)
    result = run_encours("run", source, "--home", home)
    assert "Nothing was changed" in result.stdout
    assert _files(home) == before


def test_a_failed_run_leaves_the_last_version_to_readers_and_cannot_be_published(
    tmp_path: Path, home: Path, expected: dict[int, str]
) -> None:
    broken = _feeds(2)
    broken["control_balances"] = [
        {"entity_code": "E0", "balance_date": date(2026, 2, 1), "balance_amount": Decimal("0.01")}
    ]
    source = write_feeds(broken, tmp_path / "inbox")
    run_encours("run", source, "--home", home, status=1)
    assert _marts(home) == expected[1]
    run_encours("publish", "--home", home, status=2)
    assert _marts(home) == expected[1]


def test_parquet_holds_the_published_tables_one_folder_each(tmp_path: Path, home: Path) -> None:
    run_encours("publish", "--to", "parquet", "--home", tmp_path / "empty", status=2)
    run_encours("publish", "--to", "parquet", "--home", home)
    with duckdb.connect(str(home / "encours.duckdb"), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() "
            "where schema_name in ('marts', 'audit') order by all"
        ).fetchall()
        assert {path.name for path in (home / "parquet").iterdir()} == {
            f"{schema}.{table}" for schema, table in tables
        }
        for schema, table in tables:
            files = home / "parquet" / f"{schema}.{table}" / "*.parquet"
            differing = connection.execute(
                f"select count(*) from (from {schema}.{table} except all from '{files}')"
            ).fetchone()
            assert differing == (0,)


def _files(home: Path) -> dict[str, str]:
    return {
        path.relative_to(home).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }
