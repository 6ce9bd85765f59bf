"""What dbt tests beside a run: every rule and formula on examples, and the rules of the seeds."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
from encours.demo import generate
from support import PROJECT, run_encours

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def build_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build database with a table of each model and seed."""
    folder = tmp_path_factory.mktemp("built")
    generate(folder / "exports", invoices=150)
    source = PROJECT / "sources" / "demo.yml"
    run_encours("ingest", source, "--inbox", folder / "exports", "--home", folder / "home")
    run_encours("build", "--home", folder / "home")
    return folder / "home" / "build.duckdb"


def _dbt_test(build_database: Path, folder: Path, select: str) -> list[dict[str, Any]]:
    """The results of the selected tests."""
    result = subprocess.run(
        [
            *(sys.executable, "-c", "from dbt.cli.main import cli; cli()"),
            *("test", "--select", select),
            *("--project-dir", PROJECT, "--profiles-dir", PROJECT / "profiles"),
            *("--target-path", folder / "target", "--log-path", folder / "log"),
            "--no-use-colors",
        ],
        check=False,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "ENCOURS_BUILD_DATABASE": str(build_database),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        },
    )
    path = folder / "target" / "run_results.json"
    assert path.is_file(), result.stdout[-6000:]
    results: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["results"]
    return results


def test_every_unit_test_passes(build_database: Path, tmp_path: Path) -> None:
    results = _dbt_test(build_database, tmp_path, "test_type:unit")
    assert [each["message"] for each in results if each["status"] != "pass"] == []
    declared = sum(
        path.read_text(encoding="utf-8").count("    model: ")
        for path in (PROJECT / "models").rglob("*.yml")
    )
    assert len(results) == declared
    assert declared > 60


def test_a_seed_that_cannot_be_used_is_found_and_its_row_named(
    build_database: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "build.duckdb"
    shutil.copyfile(build_database, broken)
    with duckdb.connect(str(broken)) as connection:
        for change in (
            "insert into seeds.loss_rates values "
            "('2026-01-01', 'not_due', 1.5, 'a'), ('2026-01-01', 'older', 0.1, null), "
            "('2027-01-01', '1_30', 0.1, 'a'), ('2027-01-01', '1_30', 0.2, 'a')",
            "insert into seeds.kpi_targets "
            "values ('cei', 'up', 0.8, 'ALL', 'all', 'ALL', '2026-01-01', 'a')",
            "update seeds.risk_classes set risk_order = 7",
        ):
            connection.execute(change)
        risk_classes = connection.execute("select count(*) from seeds.risk_classes").fetchone()
        assert risk_classes is not None
    results = _dbt_test(broken, tmp_path, "test_name:rows_are_sound")
    assert len(results) == len(list((PROJECT / "seeds").glob("*.csv")))
    with duckdb.connect(str(broken), read_only=True) as connection:
        found = [
            message
            for result in results
            if result["status"] == "fail"
            for (message,) in connection.execute(result["compiled_code"]).fetchall()
        ]
    assert sorted(found) == [
        "kpi_targets, kpi_code cei, entity_code ALL, segment_type all, segment_code ALL, "
        "valid_from 2026-01-01: direction is up; one of at_most, at_least is expected",
        "loss_rates, ageing_bucket 1_30, valid_from 2027-01-01 is there 2 times",
        "loss_rates, ageing_bucket not_due, valid_from 2026-01-01: loss_rate is 1.500000; "
        "at least 0 is expected; at most 1 is expected",
        "loss_rates, ageing_bucket older, valid_from 2026-01-01: ageing_bucket is not in "
        "ageing_buckets",
        "loss_rates, ageing_bucket older, valid_from 2026-01-01: source is empty",
        f"risk_classes: risk_order 7 is there {risk_classes[0]} times",
    ]
