"""Loads: what is new, what replaces what, and that a load is there in full or not at all."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import duckdb
import pytest
from encours.errors import DataError, HomeBusyError, UsageError
from encours.hashes import file_sha256
from encours.ingest import ingest
from encours.lake import manifests, state_digest, verify

from .conftest import HEADER, INVOICES, Desk

Row = Callable[..., str]


def test_snapshot_deletes_what_it_lacks_and_the_past_stays_known(desk: Desk, row: Row) -> None:
    desk.invoices(row("1"), row("2"))
    desk.ingest(desk.books())
    before = desk.now
    desk.invoices(row("2"), row("3"))
    desk.ingest(desk.books())
    assert desk.numbers() == ["2", "3"]
    assert desk.numbers(before) == ["1", "2"]
    assert desk.numbers(before - timedelta(seconds=1)) == []


def test_snapshot_that_is_the_current_state_is_skipped(desk: Desk, row: Row) -> None:
    desk.invoices(row("1"))
    first = desk.ingest(desk.books())
    again = desk.ingest(desk.books())
    assert first.load_id is not None
    assert (again.load_id, again.files[0].status, again.messages) == (
        None,
        "skipped",
        ("Nothing new.",),
    )
    assert len(manifests(desk.home)) == 1


def test_older_state_delivered_again_becomes_the_state(desk: Desk, row: Row) -> None:
    desk.invoices(row("1"))
    desk.ingest(desk.books())
    desk.invoices(row("2"))
    desk.ingest(desk.books())
    desk.invoices(row("1"))
    assert desk.ingest(desk.books()).load_id is not None
    assert desk.numbers() == ["1"]


def test_snapshot_of_several_files_is_all_of_them(desk: Desk, row: Row) -> None:
    desk.invoices(row("1"), name="in/a.csv")
    desk.invoices(row("2"), name="in/b.csv")
    desk.ingest(desk.books(path="in/*.csv"))
    assert desk.numbers() == ["1", "2"]
    (desk.inbox / "in/a.csv").unlink()
    desk.invoices(row("3"), name="in/c.csv")
    desk.invoices("not", "read", name="in/.c.csv")
    desk.ingest(desk.books(path="in/*.csv"))
    assert desk.numbers() == ["2", "3"]


def test_changed_mapping_loads_the_same_file_again(desk: Desk, row: Row) -> None:
    desk.invoices(row("1"))
    desk.ingest(desk.books())
    feeds = {"invoices": INVOICES | {"business_unit": {"value": "north"}}}
    assert desk.ingest(desk.books(feeds=feeds)).load_id is not None
    assert desk.query("select business_unit from raw.invoices") == [("north",)]


def test_only_feeds_that_changed_are_loaded_again(desk: Desk, row: Row) -> None:
    entity = {"entities": {"entity_code": "entity"}}
    source = desk.yaml(
        "name: two\nfiles:\n"
        "  - {path: invoices.csv, format: csv, load: snapshot, feeds: {invoices: "
        f"{json.dumps(INVOICES)}}}}}\n"
        f"  - {{path: e.csv, format: csv, load: snapshot, feeds: {json.dumps(entity)}}}\n"
    )
    desk.invoices(row("1"))
    desk.put("e.csv", "entity\nFR01\n")
    desk.ingest(source)
    desk.put("e.csv", "entity\nFR01\nDE01\n")
    result = desk.ingest(source)
    assert {(file.path, file.status) for file in result.files} == {
        ("e.csv", "loaded"),
        ("invoices.csv", "skipped"),
    }
    assert [feed.feed for feed in manifests(desk.home)[-1].feeds] == ["entities"]
    assert desk.numbers() == ["1"]
    assert desk.query("select count(*) from raw.entities") == [(2,)]


def test_upsert_keeps_all_loads_and_order_says_which_row_wins(desk: Desk, row: Row) -> None:
    books = desk.books(load="upsert", path="*.csv")
    desk.invoices(row("1", amount="1"), row("2"), name="a.csv")
    desk.ingest(books)
    desk.invoices(row("1", amount="2"), name="b.csv")
    result = desk.ingest(books)
    assert [file.status for file in result.files] == ["loaded", "skipped"]
    rows = desk.query(
        "select invoice_number, cast(gross_amount as varchar), _source_file from raw.invoices "
        "order by 1, _load_id, _source_file, _source_row"
    )
    assert rows == [("1", "1.00", "a.csv"), ("1", "2.00", "b.csv"), ("2", "12.50", "a.csv")]


def test_upsert_takes_equal_keys_of_two_files_but_not_of_one(desk: Desk, row: Row) -> None:
    books = desk.books(load="upsert", path="*.csv")
    desk.invoices(row("1", amount="1"), name="a.csv")
    desk.invoices(row("1", amount="2"), name="b.csv")
    desk.ingest(books)
    assert len(desk.numbers()) == 2
    desk.invoices(row("1"), row("1"), name="c.csv")
    with pytest.raises(DataError, match=r"has the same key as c.csv: line 2"):
        desk.ingest(books)


def test_upsert_skips_content_that_was_loaded_whatever_its_name(desk: Desk, row: Row) -> None:
    books = desk.books(load="upsert", path="*.csv")
    desk.invoices(row("1", amount="1"), name="a.csv")
    desk.ingest(books)
    desk.invoices(row("1", amount="2"), name="a.csv")
    desk.ingest(books)
    desk.invoices(row("1", amount="1"), name="z.csv")
    assert desk.ingest(books).load_id is None
    assert len(desk.numbers()) == 2


def test_same_content_twice_in_one_delivery_is_loaded_once_under_upsert(
    desk: Desk, row: Row
) -> None:
    desk.invoices(row("1"), name="a.csv")
    desk.invoices(row("1"), name="b.csv")
    desk.ingest(desk.books(load="upsert", path="*.csv"))
    assert desk.numbers() == ["1"]


def test_key_given_twice_in_a_file_refuses_the_later_rows(desk: Desk, row: Row) -> None:
    desk.invoices(row("1", amount="1"), row("2"), row("1", amount="2"), row("1", amount="3"))
    with pytest.raises(DataError) as caught:
        desk.ingest(desk.books())
    message = str(caught.value)
    assert "2 rows are refused" in message
    assert (
        "invoices.csv:4: entity_code, invoice_number: has the same key as invoices.csv: line 2 "
        "(entity_code FR01, invoice_number 1)"
    ) in message
    desk.ingest(desk.books(max_rejected_rows=2))
    rows = desk.query("select invoice_number, _source_row from raw.invoices order by 1")
    assert rows == [("1", 2), ("2", 3)]
    texts = desk.query("select row_text from raw.rejected_rows order by source_row")
    assert texts == [(row("1", amount="2"),), (row("1", amount="3"),)]


def test_key_given_twice_across_files_of_a_snapshot_names_the_other_file(
    desk: Desk, row: Row
) -> None:
    desk.invoices(row("1"), name="a.csv")
    desk.invoices(row("1"), name="b.csv")
    with pytest.raises(DataError, match=r"b.csv:2: .*has the same key as a.csv: line 2"):
        desk.ingest(desk.books(path="*.csv"))


def test_key_with_an_empty_part_is_given_twice_too(desk: Desk) -> None:
    desk.put("customers.csv", "code,entity\nC1,\nC1,FR01\nC1,\n")
    mapping = {"customers": {"customer_code": "code", "entity_code": "entity"}}
    empty = r"entity_code \(empty\), valid_from \(empty\)"
    with pytest.raises(DataError, match=rf"customers.csv:4: .*line 2 \(.*{empty}\)"):
        desk.ingest(desk.books(path="customers.csv", feeds=mapping))


@pytest.mark.parametrize(("policy", "amount"), [("first", "1.00"), ("last", "3.00")])
def test_rows_with_one_key_are_merged_and_counted_where_asked(
    desk: Desk, row: Row, policy: str, amount: str
) -> None:
    desk.invoices(row("1", amount="1"), row("2"), row("1", amount="2"), row("1", amount="3"))
    feeds = {"invoices": INVOICES | {"on_duplicate_key": policy}}
    file = desk.ingest(desk.books(feeds=feeds)).files[0]
    assert (file.rows_read, file.rows_accepted, file.rows_merged, file.rows_refused) == (4, 2, 2, 0)
    rows = desk.query(
        "select cast(gross_amount as varchar) from raw.invoices where invoice_number = '1'"
    )
    assert rows == [(amount,)]


def test_one_more_refused_row_than_allowed_loads_nothing(desk: Desk, row: Row) -> None:
    desk.invoices(row("1"), row("2", amount="x"), row("3", amount="y"))
    with pytest.raises(DataError) as caught:
        desk.ingest(desk.books(max_rejected_rows=1))
    message = str(caught.value)
    assert "books: 2 rows are refused, 1 allowed (max_rejected_rows). Nothing is loaded." in message
    path = next(desk.home.rejected.glob("*.parquet"))
    assert str(path) in message
    assert len(desk.refused()) == 2
    assert manifests(desk.home) == []
    assert desk.query("select count(*) from raw.rejected_rows") == [(0,)]
    desk.now -= timedelta(minutes=1)
    result = desk.ingest(desk.books(max_rejected_rows=2))
    assert result.rejected == 2
    assert result.load_id is not None
    assert result.load_id > path.stem
    assert desk.query("select count(*) from raw.rejected_rows") == [(2,)]


def test_refused_rows_of_one_source_load_nothing_of_the_others(desk: Desk, row: Row) -> None:
    desk.invoices(row("1"), name="good.csv")
    desk.invoices(row("x", amount="x"), name="bad.csv")
    good, bad = desk.books(path="good.csv", name="good"), desk.books(path="bad.csv", name="bad")
    with pytest.raises(DataError, match=r"bad: 1 row is refused, 0 allowed"):
        desk.ingest(good, bad)
    assert desk.numbers() == []
    desk.ingest(good)
    assert desk.numbers() == ["1"]


def test_sources_do_not_touch_each_other(desk: Desk, row: Row) -> None:
    first, second = (desk.books(path=f"{name}.csv", name=name) for name in ("one", "two"))
    desk.invoices(row("1"), name="one.csv")
    desk.invoices(row("2"), name="two.csv")
    desk.ingest(first, second)
    desk.invoices(row("3"), name="two.csv")
    desk.ingest(first, second)
    assert sorted(desk.numbers()) == ["1", "3"]
    assert desk.query("select _source from raw.invoices order by 1") == [("one",), ("two",)]


def test_two_sources_may_give_the_same_key(desk: Desk, row: Row) -> None:
    desk.invoices(row("1", amount="1"), name="one.csv")
    desk.invoices(row("1", amount="2"), name="two.csv")
    desk.ingest(*(desk.books(path=f"{name}.csv", name=name) for name in ("one", "two")))
    assert desk.numbers() == ["1", "1"]


def test_file_of_changes_is_new_again_once_a_snapshot_has_replaced_it(desk: Desk, row: Row) -> None:
    desk.invoices(row("1"), name="a.csv")
    desk.invoices(row("2"), name="b.csv")
    changes = desk.books(path="a.csv", load="upsert")
    desk.ingest(changes)
    desk.ingest(desk.books(path="b.csv"))
    assert desk.numbers() == ["2"]
    assert desk.ingest(changes).load_id is not None
    assert desk.numbers() == ["2", "1"]


def test_two_sources_of_one_name_are_refused(desk: Desk) -> None:
    with pytest.raises(UsageError, match=r"two sources have the name books"):
        desk.ingest(desk.books(), desk.books())


def test_row_is_counted_once_whatever_its_feeds_make_of_it(desk: Desk, row: Row) -> None:
    receipts = {
        "entity_code": "entity",
        "receipt_id": "number",
        "customer_code": "customer",
        "receipt_date": "paid",
        "amount": "amount",
        "currency_code": "currency",
        "where": "paid <> 'never'",
    }
    desk.invoices(
        row("1") + ",2026-02-01",
        row("2") + ",never",
        row("3") + ",soon",
        row("4", amount="x") + ",then",
        header=HEADER + ",paid",
    )
    feeds = {"invoices": INVOICES, "receipts": receipts}
    file = desk.ingest(desk.books(max_rejected_rows=2, feeds=feeds)).files[0]
    assert (file.rows_read, file.rows_accepted, file.rows_refused) == (4, 2, 2)
    assert file.feeds == ("invoices", "receipts")
    assert desk.numbers() == ["1", "2", "3"]
    assert desk.query("select receipt_id from raw.receipts") == [("1",)]


def test_load_without_manifest_does_not_exist_and_its_remains_are_removed(
    desk: Desk, row: Row
) -> None:
    desk.invoices(row("1"))
    books = desk.books()
    desk.ingest(books)
    desk.invoices(row("2"))
    # The process dies at the last moment: everything is written but the manifest.
    code = (
        "import datetime, os, sys; from pathlib import Path; import encours.ingest as module\n"
        "from encours.home import Home; from encours.sources import load_source\n"
        "module.write_json = lambda *_: os._exit(9)\n"
        "module.ingest(Home(Path(sys.argv[1])), [load_source(Path(sys.argv[2]))], None, "
        "datetime.datetime(2026, 1, 2), print)"
    )
    died = subprocess.run(
        [sys.executable, "-c", code, str(desk.home.path), str(books.path)], check=False
    )
    assert died.returncode == 9
    raw = desk.home.raw("invoices")
    assert len(list(raw.iterdir())) == 2
    assert desk.home.scratch.exists()
    (desk.home.loads / "x.json.unfinished").write_text("{")
    assert desk.numbers() == ["1"]

    desk.ingest(books)
    assert desk.numbers() == ["2"]
    assert {path.stem for path in raw.iterdir()} == {load.load_id for load in manifests(desk.home)}
    assert not desk.home.scratch.exists()
    assert not list(desk.home.lake.rglob("*.unfinished"))


def test_file_written_to_while_it_is_read_stops_the_load(desk: Desk, row: Row) -> None:
    path = desk.invoices(row("1"))

    def grow(message: str) -> None:
        if message.startswith("reading"):
            path.write_text(path.read_text() + row("2") + "\n")

    with pytest.raises(DataError, match=r"invoices\.csv: changed while it was read"):
        ingest(desk.home, [desk.books()], desk.inbox, desk.now, grow)
    assert desk.numbers() == []


def test_home_that_another_process_holds_is_busy(desk: Desk) -> None:
    code = (
        "import sys; from pathlib import Path; from encours.home import Home\n"
        "with Home(Path(sys.argv[1])).lock():\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(desk.home.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(HomeBusyError, match=r"another run holds this home folder") as caught:
            desk.ingest()
        assert caught.value.exit_status == 3
        assert str(desk.home.path) in str(caught.value)
        holder.kill()
    with desk.home.lock(), desk.home.lock():
        pass


def test_loads_at_one_moment_follow_each_other(desk: Desk, row: Row) -> None:
    for number in ("1", "2", "3"):
        desk.now = datetime(2026, 1, 1, 12, 0, tzinfo=timezone(timedelta(hours=1)))
        desk.invoices(row(number))
        desk.ingest(desk.books())
    loads = manifests(desk.home)
    assert [load.load_id for load in loads] == [
        "20260101T110100000000Z",
        "20260101T110100000001Z",
        "20260101T110100000002Z",
    ]
    assert loads[2].loaded_at == "2026-01-01T11:01:00.000002+00:00"
    assert desk.numbers(datetime(2026, 1, 1, 11, 1, tzinfo=UTC)) == ["1"]


def test_manifest_says_what_was_read_and_written(desk: Desk, row: Row) -> None:
    path = desk.invoices(row("1"), row("2", amount="x"))
    result = desk.ingest(desk.books(max_rejected_rows=1))
    [load] = manifests(desk.home)
    [raw] = load.raw_files
    [file] = load.files
    assert (raw.feed, raw.path, raw.rows) == (
        "invoices",
        f"lake/raw/invoices/{result.load_id}.parquet",
        1,
    )
    assert raw.sha256 == file_sha256(desk.home.path / raw.path)
    assert (file.path, file.sha256, file.bytes) == (
        "invoices.csv",
        file_sha256(path),
        path.stat().st_size,
    )
    assert load.rejected is not None
    assert load.rejected.rows == 1
    assert desk.query(
        "select load_id, source, source_file, rows_read, rows_accepted, rows_refused, "
        "rows_merged, feeds from raw.source_files"
    ) == [(result.load_id, "books", "invoices.csv", 2, 1, 1, 0, "invoices")]


def test_digest_changes_with_what_is_in_force_only(desk: Desk, row: Row) -> None:
    empty = state_digest(desk.home)
    desk.invoices(row("1"))
    desk.ingest(desk.books())
    first, then = state_digest(desk.home), desk.now
    desk.invoices(row("2"))
    desk.ingest(desk.books())
    second = state_digest(desk.home)
    assert len({empty, first, second}) == 3
    assert state_digest(desk.home, then) == first
    desk.ingest(desk.books())
    assert state_digest(desk.home) == second


def test_verify_finds_files_that_changed_or_are_gone(desk: Desk, row: Row) -> None:
    for number in ("1", "2"):
        desk.invoices(row(number))
        desk.ingest(desk.books())
    assert verify(desk.home) == []
    first, second = sorted(desk.home.raw("invoices").iterdir())
    first.write_bytes(first.read_bytes() + b"x")
    second.unlink()
    assert verify(desk.home) == [
        f"{first}: changed since load {first.stem} wrote it",
        f"{second}: missing, though load {second.stem} wrote it",
    ]
    with pytest.raises(DataError, match=rf"{second.name}: this file of load .* is missing"):
        desk.numbers()


@pytest.mark.parametrize("content", ["{", "[]", '{"load_id": "x"}'])
def test_manifest_that_cannot_be_read_stops(desk: Desk, content: str) -> None:
    path = desk.home.loads / "20260101T000000000000Z.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(DataError, match=r"20260101T000000000000Z.json: this manifest cannot"):
        desk.numbers()


def test_manifest_under_another_name_stops(desk: Desk, row: Row) -> None:
    desk.invoices(row("1"))
    desk.ingest(desk.books())
    path = next(desk.home.loads.iterdir())
    path.rename(path.with_name("20250101T000000000000Z.json"))
    with pytest.raises(DataError, match=r"this manifest is of load 20260101"):
        desk.numbers()


def test_raw_tables_are_typed_and_empty_before_the_first_load(desk: Desk) -> None:
    described = desk.query("describe raw.invoices")
    assert [row[:2] for row in described[:1] + described[5:6] + described[-5:]] == [
        ("entity_code", "VARCHAR"),
        ("gross_amount", "DECIMAL(18,2)"),
        ("_source", "VARCHAR"),
        ("_source_file", "VARCHAR"),
        ("_source_row", "BIGINT"),
        ("_load_id", "VARCHAR"),
        ("_loaded_at", "TIMESTAMP"),
    ]
    for table in ("fx_rates", "source_files", "rejected_rows"):
        assert desk.query(f"select count(*) from raw.{table}") == [(0,)]


def test_load_from_before_a_column_was_added_reads_as_empty_there(desk: Desk, row: Row) -> None:
    desk.invoices(row("1"))
    desk.ingest(desk.books())
    path = next(desk.home.raw("invoices").iterdir())
    older = path.with_suffix(".older")
    duckdb.read_parquet(str(path)).project("* exclude (due_date)").write_parquet(str(older))
    older.replace(path)
    assert desk.query("select invoice_number, due_date from raw.invoices") == [("1", None)]
