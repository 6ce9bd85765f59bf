"""What was published can be built again, and what was changed by hand is found.

Thirty random companies live through loads, corrections and deletions in one home folder.
"""

import json
import random
import shutil
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from encours import runs
from encours.hashes import file_sha256
from encours.home import Home, write_json
from encours.ingest import ingest
from encours.publish import publish_parquet
from encours.sources import load_source
from encours.verify import Report, verify
from reference.companies import (
    AS_OF,
    FIRST_DAY,
    REPORTING_CURRENCY,
    companies,
    dataset,
    draw_companies,
    exchange_rates,
)
from support import Feeds, run_encours, write_feeds

pytestmark = pytest.mark.slow

COMPANIES = 30
SEED = 20260630
LOADS = 3  # before each publication
FIXED = ("valid", "period", "provision_date")  # days that are keys, or must begin a month


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


def _changed(row: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """A row with one of its amounts or days corrected."""
    names = [
        name
        for name, value in row.items()
        if isinstance(value, Decimal | date) and not name.startswith(FIXED)
    ]
    if not names:
        return row
    name = chance.choice(names)
    value = row[name]
    other = value + timedelta(days=chance.randint(1, 20)) if isinstance(value, date) else value + 1
    return {**row, name: other}


class Sequences:
    """Thirty companies, each with a sequence of its own of late, corrected and deleted rows."""

    def __init__(self) -> None:
        self._chance = random.Random(SEED)
        drawn = draw_companies(COMPANIES, SEED, companies())
        named = {f"E{number:03}": company for number, company in enumerate(drawn, start=1)}
        rates = exchange_rates(FIRST_DAY - timedelta(days=3), AS_OF + timedelta(days=60))
        whole: dict[str, list[dict[str, Any]]] = {
            feed: [dict(row) for row in rows] for feed, rows in dataset(named, rates).items()
        }
        whole.pop("control_balances", None)  # they would stop what does not tie out
        self._late: dict[str, list[dict[str, Any]]] = {}
        self.now: dict[str, list[dict[str, Any]]] = {}
        for feed, rows in whole.items():
            for row in rows:
                late = "entity_code" in row and feed != "entities" and self._chance.random() < 0.2
                (self._late if late else self.now).setdefault(feed, []).append(row)

    def step(self) -> Feeds:
        """The next state: of each company some rows come late, some are corrected or deleted."""
        for feed, rows in self.now.items():
            if feed in ("entities", "customers"):
                continue
            kept = []
            for row in rows:
                luck = self._chance.random()
                if luck < 0.03 and feed != "fx_rates":
                    continue
                if luck < 0.1:
                    changed = _changed(row, self._chance)
                    kept.append(changed if feed != "fx_rates" else {**row, **_rate(row, luck)})
                else:
                    kept.append(row)
            late = self._late.get(feed, [])
            arriving = [row for row in late if self._chance.random() < 0.4]
            self._late[feed] = [row for row in late if row not in arriving]
            self.now[feed] = kept + arriving
        return {feed: rows for feed, rows in self.now.items() if rows}


def _rate(row: dict[str, Any], luck: float) -> dict[str, Any]:
    if row["currency_code"] == row["base_currency_code"]:
        return {}
    return {"units_per_base": round(row["units_per_base"] * (1 + Decimal(luck)), 6)}


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose `home` saw loads, a publication, more loads, and another publication."""
    folder = tmp_path_factory.mktemp("lived")
    home = Home(folder / "home")
    sequences = Sequences()
    for number in (1, 2):
        for _ in range(LOADS - 1):
            source = write_feeds(sequences.step(), folder / "inbox")
            ingest(home, [load_source(source)], None, datetime.now(UTC), lambda _: None)
        source = write_feeds(sequences.step(), folder / "inbox")
        options = ("--as-of", AS_OF.isoformat(), "--reporting-currency", REPORTING_CURRENCY)
        # The second run asks for nothing: what was asked before must not depend on it.
        run_encours("run", source, "--home", home.path, *(options if number == 1 else options[2:]))
        shutil.copyfile(home.published_database, folder / f"published{number}.duckdb")
        if number == 1:
            refused = folder / "refused"
            receipt = sequences.now["receipts"][0] | {"amount": "12,50 or so"}
            source = write_feeds({"receipts": [receipt]}, refused)
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
    patterns = ("lake/*/*", "lake/raw/*/*", "runs/*/*.json", "runs/*/*.parquet")
    found = [path for pattern in patterns for path in sorted(home.glob(pattern))]
    return [path for path in found if path.is_file()]


def _parts(home: Path) -> tuple[list[Path], list[Path]]:
    """The files that vouch for others, and these others."""
    files = _files(home)
    vouching = [path for path in files if path.suffix == ".json"]
    return vouching, [path for path in files if path not in vouching]


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
        contents = {path: path.read_bytes() for path in files if path.name != "run.json"}
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
        tables = connection.execute(
            "select schema_name || '.' || table_name, min(columns.column_name) "
            "from duckdb_tables() as tables join duckdb_columns() as columns "
            "using (schema_name, table_name) where estimated_size > 0 and columns.is_nullable "
            "group by all order by all"
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
    assert _verified(home, with_tables=True).problems == ()
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
    later = ("lake_", "seeds_", "artifacts_", "tables_", "outputs_", "previous_", "record_")
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
