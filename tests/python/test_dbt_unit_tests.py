"""The dbt unit tests: every rule and formula on examples. Runs of the warehouse leave them out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import PROJECT, run_encours

pytestmark = pytest.mark.slow


def test_every_unit_test_passes(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run_encours("demo", "--invoices", "400", "--home", home)
    result = subprocess.run(
        [
            *(sys.executable, "-c", "from dbt.cli.main import cli; cli()"),
            *("test", "--select", "test_type:unit"),
            *("--project-dir", PROJECT, "--profiles-dir", PROJECT / "profiles"),
            *("--target-path", tmp_path / "target", "--log-path", tmp_path / "log"),
            "--no-use-colors",
        ],
        check=False,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "ENCOURS_BUILD_DATABASE": str(home / "build.duckdb"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        },
    )
    assert result.returncode == 0, result.stdout[-6000:]
    document = json.loads((tmp_path / "target" / "run_results.json").read_text(encoding="utf-8"))
    statuses = [node["status"] for node in document["results"]]
    declared = sum(
        path.read_text(encoding="utf-8").count("    model: ")
        for path in (PROJECT / "models").rglob("*.yml")
    )
    assert statuses == ["pass"] * declared
    assert declared > 60
