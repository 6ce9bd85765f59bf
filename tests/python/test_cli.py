"""The command as people meet it: the demonstration company, what is shown, what is refused."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from support import EXAMPLES, PROJECT, run_encours

PUBLISHED = {
    "audit": {
        "closes",
        "column_lineage",
        "data_issues",
        "kpi_catalogue",
        "model_lineage",
        "restatements",
        "rule_allocations",
        "runs",
        "source_files",
    },
    "marts": {
        "alerts",
        "dim_customer",
        "dim_customer_history",
        "dim_entity",
        "dim_period",
        "dim_segment",
        "fct_open_item_history",
        "fct_open_items",
        "fct_receivables_daily",
        "kpi_ageing",
        "kpi_ageing_buckets",
        "kpi_cash_cycle",
        "kpi_collection",
        "kpi_credit_exposure",
        "kpi_credit_exposure_classes",
        "kpi_credit_losses",
        "kpi_dispute_reasons",
        "kpi_disputes",
        "kpi_dso",
        "kpi_dunning",
        "kpi_dunning_status",
        "kpi_invoicing",
        "kpi_payment_behaviour",
        "kpi_promises",
        "kpi_reported",
        "rpt_payment_terms_d441_6",
        "worklist",
    },
}


def test_help_names_every_command_and_the_exit_statuses() -> None:
    shown = run_encours("--help").stdout
    commands = (
        "run ingest build validate publish demo show trace lineage sources verify close reopen"
    )
    for command in commands.split():
        assert f" {command} " in shown
    assert "Exit status" in shown


@pytest.mark.parametrize(
    "words",
    [
        ("show", "dso_days", "--home", "nowhere"),
        ("run", "no_such_source.yml"),
        ("run", "sources/demo.yml", "--as-of", "30/06/2026"),
        ("run", "sources/demo.yml", "--reporting-currency", "euro"),
        ("publish", "--home", "nowhere"),
        ("trace", "dso_days", "--home", "nowhere"),
        ("frobnicate",),
    ],
)
def test_wrong_use_ends_with_2_and_writes_nothing(words: tuple[str, ...], tmp_path: Path) -> None:
    placed = [str(tmp_path / word) if word == "nowhere" else word for word in words]
    result = run_encours(*placed, status=2)
    assert result.stderr.strip()
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "nowhere" / "encours.duckdb").exists()


def test_a_home_folder_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    source = PROJECT / "sources" / "demo.yml"
    result = run_encours("run", source, "--home", tmp_path / "file" / "home", status=2)
    assert "this home folder cannot be written" in result.stderr


def test_example_sources_fit_the_contract() -> None:
    for source in sorted(EXAMPLES.glob("*.yml")):
        result = run_encours("sources", "check", source, status=1)
        assert "no file" in (result.stdout + result.stderr), source


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("demo")
    # As people write it, from the folder they are in.
    result = run_encours("demo", "--invoices", "400", "--home", os.path.relpath(home))
    assert "Group as of 2026-06-30" in result.stdout
    assert "encours.duckdb" in result.stdout
    return home


@pytest.mark.slow
def test_the_demonstration_company_fills_every_published_table(demo: Path) -> None:
    with duckdb.connect(str(demo / "encours.duckdb"), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name, estimated_size from duckdb_tables()"
        ).fetchall()
        fed = json.loads(
            str((connection.execute("select input_rows from audit.runs").fetchone() or "")[0])
        )
    for schema, names in PUBLISHED.items():
        assert {table for owner, table, _ in tables if owner == schema} == names
    # No period is closed, and no receipt is matched by rule.
    empty = {table for _, table, size in tables if size == 0}
    assert empty == {"closes", "kpi_reported", "restatements", "rule_allocations"}
    # What readers of other formats could not tell apart.
    assert [feed for feed, rows in fed.items() if rows == 0] == ["reading_issues"]
    with duckdb.connect(str(demo / "encours.duckdb"), read_only=True) as connection:
        run = connection.execute(
            "select status, as_of_date::varchar, reporting_currency_code, published_rows "
            "from audit.runs"
        ).fetchone()
    assert run is not None
    assert run[:3] == ("published", "2026-06-30", "EUR")
    assert json.loads(run[3])["marts.kpi_dso"] > 0


@pytest.mark.slow
def test_ratios_are_never_nan_or_infinite(demo: Path) -> None:
    with duckdb.connect(str(demo / "encours.duckdb"), read_only=True) as connection:
        doubles = connection.execute(
            "select table_name, column_name from duckdb_columns() "
            "where schema_name = 'marts' and data_type = 'DOUBLE'"
        ).fetchall()
        assert len(doubles) > 10
        for table, column in doubles:
            wrong = connection.execute(
                f"select count(*) from marts.{table} where isnan({column}) or isinf({column})"
            ).fetchone()
            assert wrong == (0,), f"{table}.{column}"


@pytest.mark.slow
def test_show_prints_a_table_csv_and_json_of_the_same_values(demo: Path) -> None:
    words = ("show", "dso_rolling_12m_days", "--entity", "any", "--grain", "quarter")
    table = run_encours(*words, "--home", demo).stdout
    assert "marts.kpi_dso" in table
    rows = list(
        csv.DictReader(io.StringIO(run_encours(*words, "--format", "csv", "--home", demo).stdout))
    )
    document = json.loads(run_encours(*words, "--format", "json", "--home", demo).stdout)
    assert len(rows) == len(document) > 0
    assert {row["entity_code"] for row in rows} == {"ALL", "FR01", "DE02", "GB03"}
    values = [row["dso_rolling_12m_days"] for row in document]
    assert [row["dso_rolling_12m_days"] or None for row in rows] == [
        None if value is None else str(value) for value in values
    ]


@pytest.mark.slow
def test_show_says_what_there_is_instead(demo: Path) -> None:
    wrong = run_encours("show", "dso_day", "--home", demo, status=2)
    assert "Did you mean 'dso_days'?" in wrong.stderr
    wrong = run_encours("show", "dso_days", "--entity", "FR1", "--home", demo, status=2)
    assert "FR01" in wrong.stderr
    wrong = run_encours("show", "dso_days", "--segment", "regio", "--home", demo, status=2)
    assert "region" in wrong.stderr


@pytest.mark.slow
def test_sources_check_reads_the_head_and_loads_nothing(demo: Path, tmp_path: Path) -> None:
    inbox = next((demo / "demo").iterdir())
    before = sorted(path.name for path in demo.iterdir())
    result = run_encours("sources", "check", PROJECT / "sources" / "demo.yml", "--inbox", inbox)
    assert "feed invoices" in result.stdout
    assert "rows that would be refused: 0" in result.stdout
    assert sorted(path.name for path in demo.iterdir()) == before


@pytest.mark.slow
def test_analyses_answer_over_the_published_build(demo: Path) -> None:
    """Every analysis compiles, and runs on the tables it names."""
    target = demo / "analyses"
    subprocess.run(
        [
            *(sys.executable, "-m", "dbt.cli.main", "--quiet", "compile"),
            *("--select", "resource_type:analysis", "--project-dir", PROJECT),
            *("--profiles-dir", PROJECT / "profiles", "--target-path", target),
            *("--log-path", target, "--no-version-check"),
        ],
        check=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "ENCOURS_BUILD_DATABASE": str(demo / "build.duckdb")},
    )
    compiled = target / "compiled" / "encours" / "analyses"
    analyses = sorted((PROJECT / "analyses").glob("*.sql"))
    assert analyses
    with duckdb.connect(str(demo / "build.duckdb"), read_only=True) as connection:
        for path in analyses:
            sql = (compiled / path.name).read_text(encoding="utf-8")
            assert connection.execute(sql).fetchall(), path.name
