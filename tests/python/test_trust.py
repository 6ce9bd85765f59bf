"""What was published can be built again, and what was changed by hand is found.

Thirty random companies live through loads, corrections and deletions in one home folder.
"""

import json
import math
import random
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from encours import closes, runs
from encours.hashes import file_sha256
from encours.home import Home, write_json
from encours.ingest import ingest
from encours.publish import publish_parquet
from encours.sources import load_source
from encours.verify import Report, verify
from lived import CASES, COMPANIES, SEED, Sequences, feeds
from reference.companies import AS_OF, REPORTING_CURRENCY
from support import PROJECT, run_encours, write_feeds

pytestmark = pytest.mark.slow

LOADS = 3  # before each publication


def _published(home: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every table of figures, row by row."""
    with duckdb.connect(str(home / "encours.duckdb"), read_only=True) as connection:
        tables = connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'marts' order by all"
        ).fetchall()
        return {
            table: connection.execute(f"from marts.{table} order by all").fetchall()
            for (table,) in tables
        }


def _current(home: Path) -> dict[str, Any]:
    """The row of the published run in audit.runs."""
    with duckdb.connect(str(home / "encours.duckdb"), read_only=True) as connection:
        cursor = connection.execute("select * from audit.runs where is_current")
        names = [column[0] for column in cursor.description or []]
        row = cursor.fetchone()
    assert row is not None
    return dict(zip(names, row, strict=True))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose `home` saw loads, a publication, closings, more loads, another publication."""
    return live(tmp_path_factory.mktemp("lived"))


def live(folder: Path) -> Path:
    """Live through it in a folder; `published1.duckdb` there is what readers saw first."""
    home = Home(folder / "home")
    sequences = Sequences()
    options = ("--as-of", AS_OF.isoformat(), "--reporting-currency", REPORTING_CURRENCY)
    for publication in (1, 2):
        for number in range(LOADS):
            sequences.step()
            source = write_feeds(feeds(sequences, publication), folder / "inbox")
            if number < LOADS - 1:
                ingest(home, [load_source(source)], None, datetime.now(UTC), lambda _: None)
        # The second run asks for no day: what was asked before must not depend on it.
        run_encours("run", source, "--home", home.path, *options[2 * (publication - 1) :])
        shutil.copyfile(home.published_database, folder / f"published{publication}.duckdb")
        if publication == 1:
            for words in (("2024-04",), ("2024-Q1", "--entity", "X1"), ("2023", "--by", "Auditor")):
                run_encours("close", *words, "--home", home.path)
            receipt = sequences.now["receipts"][0] | {"amount": "12,50 or so"}
            source = write_feeds({"receipts": [receipt]}, folder / "refused")
            run_encours("run", source, "--home", home.path, status=1)
    return folder


def test_a_past_publication_is_built_again_with_the_same_hashes(lived: Path) -> None:
    home = lived / "home"
    (lived / "first").mkdir()
    shutil.copyfile(lived / "published1.duckdb", lived / "first" / "encours.duckdb")
    first, then = _current(lived / "first"), _published(lived / "first")
    second = _current(home)
    assert first["outputs_sha256"] != second["outputs_sha256"]
    moment = (first["finished_at"]).isoformat()
    said = run_encours("run", lived / "inbox" / "source.yml", "--home", home, "--known-at", moment)
    assert f"The figures of run {first['run_id']}" in said.stdout
    (view,) = (home / "as-known").iterdir()
    again, figures = _current(view), _published(view)
    assert again["outputs_sha256"] == first["outputs_sha256"]
    marts = {
        name: sha for name, sha in json.loads(first["tables_sha256"]).items() if "marts" in name
    }
    assert marts.items() <= json.loads(again["tables_sha256"]).items()
    # And row by row, for each company: all have figures, and all have others now.
    assert figures == then
    now = _published(home)
    for entity in (f"E{number:03}" for number in range(1, COMPANIES + 1)):
        assert [row for row in then["fct_open_item_history"] if entity in row] != [
            row for row in now["fct_open_item_history"] if entity in row
        ]
    assert _verified(view, with_tables=True).problems == ()


def _verified(home: Path, *, with_tables: bool = False) -> Report:
    return verify(Home(home), lambda _: None, with_tables=with_tables)


def test_nothing_is_found_where_nothing_was_changed(lived: Path) -> None:
    result = run_encours("verify", "--home", lived / "home")
    assert "not covered" not in result.stdout
    head = _current(lived / "home")["record_sha256"]
    assert f"Head of the chain: {head}" in result.stdout
    run_encours("verify", "--home", lived / "home", "--head", head, "--no-tables")
    run_encours("verify", "--home", lived / "home", "--head", "0" * 64, "--no-tables", status=1)


@pytest.fixture
def home(lived: Path, tmp_path: Path) -> Path:
    """A copy that may be changed."""
    left_out = shutil.ignore_patterns("as-known", "build.*", "dbt", "data_docs")
    shutil.copytree(lived / "home", tmp_path / "home", ignore=left_out)
    return tmp_path / "home"


def _files(home: Path) -> list[Path]:
    """Files that are vouched for, all but the published database."""
    patterns = ("lake/*/*", "closes/*/*", "lake/raw/*/*", "runs/*/*.json", "runs/*/*.parquet")
    found = [path for pattern in patterns for path in sorted(home.glob(pattern))]
    return [path for path in found if path.is_file()]


def _parts(home: Path) -> list[list[Path]]:
    """The files, those apart that vouch for others."""
    parts: dict[str, list[Path]] = {}
    for path in _files(home):
        kind = path.name if path.name in ("run.json", "record.json") else path.suffix
        parts.setdefault("load" if path.parent.name == "loads" else kind, []).append(path)
    return list(parts.values())


def test_one_changed_byte_in_any_file_is_found(home: Path) -> None:
    chance = random.Random(SEED)
    assert {path.parent.name for path in _files(home)} > {"loads", "rejected", "invoices"}
    # Many files are changed at once, and each must be named.
    for files in _parts(home):
        contents = {path: path.read_bytes() for path in files}
        for path, content in contents.items():
            place = chance.randrange(len(content))
            other = bytes([content[place] ^ (1 << chance.randrange(8))])
            path.write_bytes(content[:place] + other + content[place + 1 :])
        problems = "\n".join(_verified(home).problems)
        for path, content in contents.items():
            assert str(path) in problems, f"{path} was changed, and is not named"
            path.write_bytes(content)
    assert _verified(home).problems == ()


def test_a_file_that_is_gone_or_was_put_in_is_found(home: Path) -> None:
    for files in _parts(home):
        # What is said where a record is gone has tests of its own.
        others = [path for path in files if path.name not in ("run.json", "record.json")]
        contents = {path: path.read_bytes() for path in others}
        for path in contents:
            path.unlink()
        problems = "\n".join(_verified(home).problems)
        for path, content in contents.items():
            assert str(path) in problems, f"{path} is gone, and is not named"
            path.write_bytes(content)
    load = min((home / "lake" / "loads").iterdir())
    manifest = json.loads(load.read_text(encoding="utf-8"))
    manifest |= {"load_id": f"{load.stem[:-2]}0Z", "raw_files": [], "feeds": [], "rejected": None}
    put_in = [
        load.with_stem(manifest["load_id"]),
        home
        / "lake"
        / "raw"
        / "invoices"
        / load.with_suffix(".parquet").with_stem("20200101").name,
        home / "lake" / "rejected" / "20200101T000000000000Z.parquet",
    ]
    for path in put_in:
        path.write_text(json.dumps(manifest), encoding="utf-8")
        assert any(str(path) in problem for problem in _verified(home).problems), path
        path.unlink()
    assert _verified(home).problems == ()


def _records(home: Path) -> list[Path]:
    return sorted((home / "runs").glob("*/run.json"))


def _resealed(path: Path, **changes: Any) -> None:
    """Change a record as somebody would who knows how it is hashed."""
    record = json.loads(path.read_text(encoding="utf-8")) | changes
    record["record_sha256"] = runs.sealed_sha256(record)
    write_json(path, record)


def test_a_raw_file_changed_with_its_manifest_is_found(home: Path) -> None:
    """Who also corrects the hash in the manifest is found by the record of the run."""
    load = max((home / "lake" / "loads").iterdir())
    manifest = json.loads(load.read_text(encoding="utf-8"))
    raw = manifest["raw_files"][0]
    path = home / raw["path"]
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select * replace (_source_row + 1 as _source_row) from '{path}') "
            f"to '{path}.new' (format parquet)"
        )
    Path(f"{path}.new").replace(path)
    raw["sha256"] = file_sha256(path)
    write_json(load, manifest)
    assert [str(load) in problem for problem in _verified(home).problems] == [True]
    # And who also corrects that record, by the one after it, or by the published database.
    record = next(each for each in _records(home) if load.name in each.read_text(encoding="utf-8"))
    values = json.loads(record.read_text(encoding="utf-8"))
    name = f"lake/loads/{load.name}"
    _resealed(record, lake_sha256=values["lake_sha256"] | {name: file_sha256(load)})
    problems = _verified(home).problems
    assert problems
    assert all(str(load) not in problem for problem in problems)
    assert any(record.parent.name in problem for problem in problems)


def test_records_changed_removed_put_in_or_swapped_are_found(home: Path) -> None:
    first, failed, last = _records(home)
    contents = {path: path.read_bytes() for path in (first, failed, last)}

    def names(expected: str) -> None:
        problems = _verified(home).problems
        assert any(expected in problem for problem in problems), problems
        for path, content in contents.items():
            path.write_bytes(content)

    for path in (first, failed, last):
        _resealed(path, message="All was well.")
        names("changed, put in or taken out" if path != last else "differs from its record")
        path.unlink()
        names("no record in the home folder" if path != failed else "taken out")
    opened = json.loads(contents[failed])
    write_json(failed, opened | {"record_sha256": None, "previous_sha256": None})
    names("this record was opened")
    forged = failed.parent.with_name(failed.parent.name[:-2] + "1Z")
    shutil.copytree(failed.parent, forged)
    _resealed(forged / "run.json", run_id=forged.name)
    names("put in or taken out")
    shutil.rmtree(forged)
    first.write_bytes(contents[failed])
    names(f"this is the record of run {failed.parent.name}")
    assert _verified(home).problems == ()


CHANGES = {
    "a value": "update {table} set {column} = null where rowid = 0",
    "a row taken out": "delete from {table} where rowid = 0",
    "a row put in": "insert into {table} from {table} limit 1",
    "a table taken out": "drop table {table}",
}


def test_changes_of_the_published_tables_are_found(home: Path) -> None:
    database = home / "encours.duckdb"
    with duckdb.connect(str(database), read_only=True) as connection:
        # The first column of each table is never empty.
        tables = connection.execute(
            "select schema_name || '.' || table_name, first(columns.column_name order by "
            "columns.column_index) from duckdb_tables() as tables join duckdb_columns() as columns "
            "using (schema_name, table_name) where estimated_size > 0 group by all order by all"
        ).fetchall()
    assert len(tables) > 25
    kept = database.read_bytes()
    for number, change in enumerate(CHANGES):
        # Each kind of change in a quarter of the tables, and each must be named.
        concerned = tables[number :: len(CHANGES)]
        with duckdb.connect(str(database)) as connection:
            for table, column in concerned:
                connection.execute(CHANGES[change].format(table=table, column=column))
        problems = "\n".join(_verified(home, with_tables=True).problems)
        for table, _ in concerned:
            assert f"{table} " in problems or table == "audit.runs", f"{change}: {table}"
        database.write_bytes(kept)


@pytest.mark.parametrize(
    "change",
    [
        "update audit.runs set message = 'All was well.' where not is_current",
        "update audit.runs set outputs_sha256 = repeat('0', 64) where is_current",
        "update audit.runs set is_current = not is_current",
        "update audit.runs set published_rows = replace(published_rows, '1', '2') where is_current",
        "delete from audit.runs where not is_current",
        "insert into audit.runs by name select * replace ('20200101T000000000000Z' as run_id) "
        "from audit.runs where not is_current limit 1",
        "insert into audit.runs from audit.runs where not is_current limit 1",
        "update audit.runs set input_rows = 'none' where not is_current",
        "update audit.runs set run_id = null where not is_current",
        "create table marts.kpi_forged as select 1 as value",
    ],
)
def test_changes_of_the_table_of_runs_are_found(home: Path, change: str) -> None:
    with duckdb.connect(str(home / "encours.duckdb")) as connection:
        connection.execute(change)
    assert _verified(home, with_tables="forged" in change).problems


def test_an_older_publication_in_place_of_the_last_is_found(lived: Path, home: Path) -> None:
    shutil.copyfile(lived / "published1.duckdb", home / "encours.duckdb")
    newest = _records(home)[-1].parent.name
    assert any(f"though run {newest} was published" in each for each in _verified(home).problems)
    (home / "encours.duckdb").unlink()
    assert any("missing" in each for each in _verified(home).problems)


def test_parquet_that_was_changed_is_found(home: Path) -> None:
    publish_parquet(Home(home))
    path = home / "parquet" / "marts.kpi_dso" / "kpi_dso.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select * replace (0 as revenue_amount) from '{path}') "
            f"to '{path}.new' (format parquet)"
        )
    Path(f"{path}.new").replace(path)
    assert [
        "parquet/marts.kpi_dso" in each for each in _verified(home, with_tables=True).problems
    ] == [True]


def test_homes_from_before_the_chain_are_not_reported(home: Path) -> None:
    """Their records, and the table of runs, lack what the chain is made of."""
    later = (
        "lake_",
        "closes_",
        "seeds_",
        "artifacts_",
        "tables_",
        "outputs_",
        "previous_",
        "record_",
    )
    shutil.rmtree(home / "closes")
    for path in _records(home):
        record = json.loads(path.read_text(encoding="utf-8"))
        write_json(path, {k: v for k, v in record.items() if not k.startswith(later)})
    with duckdb.connect(str(home / "encours.duckdb")) as connection:
        for name in runs.SQL_TYPES:
            if name.startswith(later):
                connection.execute(f"alter table audit.runs drop column {name}")
    report = _verified(home)
    assert report.problems == ()
    assert any("before records were a chain" in line for line in report.uncovered)
    assert report.head is None


# Further keys of the tables that have more than period, entity and segment.
COMPANIONS = {
    "kpi_ageing_buckets": ("ageing_bucket",),
    "kpi_dispute_reasons": ("reason_kind", "reason_code"),
    "kpi_dunning_status": ("dunning_level",),
}
CLOSED = (
    ("month", "2024-04-01", None),
    ("quarter", "2024-01-01", "X1"),
    ("year", "2023-01-01", None),
)
Cell = tuple[Any, ...]


def _closed_figures(path: Path) -> dict[Cell, Any]:
    """What the tables of a publication say of the closed periods, KPI by KPI, as they stand."""
    figures: dict[Cell, Any] = {}
    with duckdb.connect(str(path), read_only=True) as connection:
        kpis: dict[str, list[tuple[str, str]]] = {}
        for mart, column, code in connection.execute(
            "select mart, column_name, kpi_code from audit.kpi_catalogue"
        ).fetchall():
            kpis.setdefault(mart, []).append((column, code))
        for mart, columns in kpis.items():
            keys = ("entity_code", "segment_type", "segment_code", *COMPANIONS.get(mart, ()))
            for grain, start, entity in CLOSED:
                rows = connection.execute(
                    f"select {', '.join([*keys, *(column for column, _ in columns)])} "
                    f"from marts.{mart} where period_grain = ? and period_start = ? "
                    "and coalesce(?, entity_code) = entity_code",
                    [grain, start, entity],
                ).fetchall()
                for row in rows:
                    further = "|".join(row[3 : len(keys)])
                    for (_, code), value in zip(columns, row[len(keys) :], strict=True):
                        figures[grain, code, *row[:3], further] = value
    return figures


def _differ(reported: Any, now: Any) -> bool:
    if isinstance(reported, float) and isinstance(now, float):
        return not math.isclose(reported, now, rel_tol=1e-9)
    return bool(reported != now)


def test_closed_figures_stand_as_reported_beside_what_is_known_now(lived: Path) -> None:
    reported = _closed_figures(lived / "published1.duckdb")
    known = _closed_figures(lived / "published2.duckdb")
    expected = {
        cell: (reported.get(cell), known.get(cell), _differ(reported.get(cell), known.get(cell)))
        for cell in {*reported, *known}
        if reported.get(cell) is not None or known.get(cell) is not None
    }
    with duckdb.connect(str(lived / "published2.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "select period_grain, kpi_code, entity_code, segment_type, segment_code, "
            "companion_key, as_reported_value, as_known_now_value, is_restated "
            "from marts.kpi_reported where kpi_code in (select kpi_code from audit.kpi_catalogue)"
        ).fetchall()
        listed = connection.execute(
            "select distinct period_grain, kpi_code, entity_code, segment_type, segment_code, "
            "companion_key from audit.restatements "
            "where kpi_code in (select kpi_code from audit.kpi_catalogue)"
        ).fetchall()
    assert {row[:6] for row in rows} == set(expected)
    for *cell, then, now, differs in rows:
        known_then, known_now, known_to_differ = expected[tuple(cell)]
        assert differs == known_to_differ, cell
        assert (then is None) == (known_then is None), cell
        assert (now is None) == (known_now is None), cell
        assert then is None or math.isclose(then, known_then, rel_tol=1e-12), cell
        assert now is None or math.isclose(now, known_now, rel_tol=1e-12), cell
    assert set(listed) == {cell for cell, (_, _, differs) in expected.items() if differs}
    assert len(listed) > 1000


def _causes(
    path: Path, entity: str, segment: str, mart: str | None = None
) -> dict[str, set[tuple[str, str | None, str]]]:
    """By KPI of April 2024, what its restatement names; KPIs that wait for time are left out."""
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute(
            "select kpi_code, cause, feed, record_key from audit.restatements "
            "where period_grain = 'month' and entity_code = ? and segment_type = ? "
            "and mart = coalesce(?, mart) and kpi_code not in "
            "(select kpi_code from audit.restatements where cause = 'matured')",
            [entity, segment, mart],
        ).fetchall()
    found: dict[str, set[tuple[str, str | None, str]]] = {}
    for code, *cause in rows:
        found.setdefault(code, set()).add((cause[0], cause[1], cause[2]))
    return found


@pytest.mark.parametrize("entity", CASES)
def test_a_restatement_names_the_rows_that_caused_it_and_no_other(lived: Path, entity: str) -> None:
    path, expected = lived / "published2.duckdb", CASES[entity]
    with duckdb.connect(str(path), read_only=True) as connection:
        causes = connection.execute(
            "select distinct kpi_code, cause, feed, record_key, source_file, source_row "
            "from audit.restatements where period_grain = 'month' and entity_code = ? "
            "and segment_type = 'customer' and segment_code = 'K1' "
            "and mart not in ('kpi_disputes', 'kpi_dispute_reasons') and kpi_code not in "
            "(select kpi_code from audit.restatements where cause = 'matured')",
            [entity],
        ).fetchall()
    assert {cause[1:4] for cause in causes} == ({expected} if expected else set())
    if expected is None:
        return
    assert ("overdue_rate" if expected[0] == "changed_due_date" else "dso_rolling_3m_days") in {
        cause[0] for cause in causes
    }
    if expected[0] != "deleted_row":  # the file it stood in has been replaced
        ((name, line),) = {cause[4:] for cause in causes}
        text = (lived / "inbox" / name).read_text(encoding="utf-8").splitlines()[line - 1]
        assert all(part in text for part in expected[2].split("|"))


def test_a_dispute_is_a_cause_where_disputes_count(lived: Path) -> None:
    causes = _causes(lived / "published2.duckdb", "X3", "customer", "kpi_disputes")
    assert ("late_row", "disputes", "X3|NOTED") in causes["disputed_amount"]


def test_no_restatement_is_without_a_cause(lived: Path) -> None:
    """For any company, whatever came late, was corrected or was deleted."""
    with duckdb.connect(str(lived / "published2.duckdb"), read_only=True) as connection:
        unexplained = connection.execute(
            "select distinct mart, kpi_code, period_grain, entity_code, segment_type, segment_code "
            "from audit.restatements where cause = 'unexplained' order by all"
        ).fetchall()
        entities = connection.execute(
            "select count(distinct entity_code) from audit.restatements"
        ).fetchone()
    assert unexplained == []
    assert entities is not None
    assert entities[0] > COMPANIES / 2


def test_a_changed_formula_and_a_changed_seed_are_named(home: Path, lived: Path) -> None:
    """What was reopened is compared no more, and keeps its trace."""
    project = home.parent / "project"
    left_out = shutil.ignore_patterns("__pycache__")
    for name in ("models", "macros", "seeds", "profiles", "tests/dbt", "scripts"):
        shutil.copytree(PROJECT / name, project / name, ignore=left_out)
    shutil.copyfile(PROJECT / "dbt_project.yml", project / "dbt_project.yml")
    for name, old, new in (
        ("macros/kpi/interest_of_days.sql", "/ 365", "/ 360"),
        ("seeds/loss_rates.csv", "1_30,0.04", "1_30,0.05"),
    ):
        path = project / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), encoding="utf-8")
    reopened = run_encours("reopen", "2024-Q1", "--reason", "Credit note", "--home", home)
    assert "Reopened 2024-Q1 of X1." in reopened.stdout
    run_encours(
        *("run", lived / "inbox" / "source.yml", "--home", home),
        *("--reporting-currency", REPORTING_CURRENCY),
        environment={"PYTHONPATH": str(project / "scripts")},
    )
    database = home / "encours.duckdb"
    formula = ("changed_formula", None, "int_period_lateness")
    rates = ("changed_seed", None, "loss_rates")
    named = _causes(database, "X0", "all")
    assert {"financing_cost_amount", "expected_credit_loss_amount"} <= set(named)
    for code, causes in named.items():
        assert causes == ({rates} if code.startswith("expected_credit_loss") else {formula}), code
    assert _causes(database, "X1", "all", "kpi_credit_losses")["expected_credit_loss_amount"] == {
        rates,
        CASES["X1"],
    }
    with duckdb.connect(str(database), read_only=True) as connection:
        closings = connection.execute(
            "select period, entity_code, closed_by, reopen_reason, is_closed from audit.closes "
            "order by period"
        ).fetchall()
        compared = connection.execute(
            "select distinct period_grain from marts.kpi_reported order by all"
        ).fetchall()
    user = closings[1][2]
    assert closings == [
        ("2023", None, "Auditor", None, True),
        ("2024-04", None, user, None, True),
        ("2024-Q1", "X1", user, "Credit note", False),
    ]
    assert compared == [("month",), ("year",)]
    assert _verified(home).problems == ()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("close", "2024-04"), "2024-04 is closed already"),
        (("close", "2024-04", "--entity", "X1"), "2024-04 is closed already"),
        (("close", "2024-Q1"), "2024-Q1 of X1 is closed already"),
        (("close", "2098-12"), "ends on 2098-12-31; what is published is as of"),
        (("close", "2019-02"), "No figures are published for 2019-02"),
        (("close", "2024-03", "--entity", "X9"), "No figures are published for 2024-03 of X9"),
        (("close", "2024-13"), "give a period such as 2026-06"),
        (("reopen", "2024-03", "--reason", "none"), "2024-03 is not closed"),
        (
            ("reopen", "2024-04", "--entity", "X1", "--reason", "none"),
            "is not closed for X1 alone, but for all entities at once",
        ),
    ],
)
def test_what_cannot_be_closed_or_reopened_is_said(
    home: Path, words: tuple[str, ...], said: str
) -> None:
    before = sorted((home / "closes").iterdir())
    assert said in run_encours(*words, "--home", home, status=2).stderr
    assert sorted((home / "closes").iterdir()) == before


def test_nothing_published_cannot_be_closed(tmp_path: Path) -> None:
    assert (
        "nothing is published"
        in run_encours("close", "2024-04", "--home", tmp_path, status=2).stderr
    )


def test_closings_changed_removed_or_put_in_are_found(home: Path) -> None:
    def names(expected: str) -> None:
        problems = _verified(home).problems
        assert any(expected in problem for problem in problems), problems

    first, *_, last = sorted((home / "closes").glob("*/record.json"))
    for path in (first, last):
        content = path.read_bytes()
        event = closes.read(path).model_copy(update={"by": "Somebody else"})
        sealed = event.model_copy(update={"record_sha256": closes.sealed_sha256(event)})
        write_json(path, sealed.model_dump(mode="json"))
        names("one was changed" if path == first else "was changed, or one was put in")
        path.write_bytes(content)
        kept = path.parent.rename(home / "kept")
        names("taken out")
        kept.rename(path.parent)
    put_in = shutil.copytree(last.parent, last.parent.with_name("20240101T000000000000Z"))
    names("this is the record")
    shutil.rmtree(put_in)
    (last.parent / "more.parquet").touch()
    names("put in; it is not part of what was closed")
