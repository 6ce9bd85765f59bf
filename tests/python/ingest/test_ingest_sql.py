"""Tables and queries of databases: exact, whole, in one state, and without telling secrets."""

import json
import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from encours import profiles, runs
from encours.check import check_source
from encours.databases import converter
from encours.errors import DataError, EncoursError, UsageError
from encours.feeds import load_contract
from encours.ingest import IngestResult, ingest
from encours.lake import manifests, state_digest, verify
from encours.runs import Parameters
from encours.sources import FileSpec, Source

from .conftest import Desk
from .servers import (
    IN_URL,
    PASSWORD,
    Database,
    mysql_database,
    mysql_server,
    postgresql_database,
    postgresql_server,
    sqlite_database,
)

VARIABLE = "BOOKS_DATABASE"
INVOICES = {
    "entity_code": {"value": "FR01"},
    "invoice_number": "number",
    "customer_code": "customer",
    "issue_date": "issued",
    "gross_amount": "amount",
    "currency_code": {"value": "EUR"},
}
INCREMENTAL = {"column": "changed", "look_back": "2d"}


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    with postgresql_server() as address:
        yield address


@pytest.fixture(scope="module")
def mysql() -> Iterator[str]:
    with mysql_server() as socket:
        yield socket


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.slow),
        pytest.param("mysql", marks=pytest.mark.slow),
    ]
)
def database(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Database:
    if request.param == "sqlite":
        found = sqlite_database(tmp_path)
    elif request.param == "postgresql":
        found = postgresql_database(request.getfixturevalue("postgresql"))
    else:
        found = mysql_database(request.getfixturevalue("mysql"))
    monkeypatch.setenv(VARIABLE, found.url)
    return found


@dataclass
class Books:
    """A desk with a table of invoices."""

    desk: Desk
    database: Database

    def __post_init__(self) -> None:
        self.desk.now = datetime(2026, 2, 1)  # noqa: DTZ001 - later than what is in the table
        self.database.execute(
            "create table invoices (number varchar(20) primary key, customer varchar(20), "
            f"issued date, amount decimal(18, 2), changed {self.database.timestamp}, note text)"
        )

    def put(self, number: str, amount: str = "12.50", changed: str | None = "2026-01-10") -> None:
        """Add an invoice, or replace it."""
        moment = "null" if changed is None else f"'{changed} 08:00:00'"
        self.database.execute(
            f"delete from invoices where number = '{number}'",
            "insert into invoices (number, customer, issued, amount, changed) values "
            f"('{number}', 'C1', '2026-01-05', {amount}, {moment})",
        )

    def source(self, **options: Any) -> Source:
        """A source with one entry."""
        entry = {"format": "sql", "database": VARIABLE, "table": "invoices", "load": "upsert"}
        entry |= {"feeds": {"invoices": INVOICES}} | options
        entry = {key: value for key, value in entry.items() if value is not None}
        return self.of(entry)

    def of(self, *entries: dict[str, Any]) -> Source:
        """A source with some entries."""
        lines = "".join(f"  - {json.dumps(entry)}\n" for entry in entries)
        return self.desk.yaml(f"name: books\nfiles:\n{lines}")

    def load(self, **options: Any) -> IngestResult:
        """Ingest what changed."""
        return self.desk.ingest(self.source(**{"incremental": INCREMENTAL} | options))

    def state(self, known_at: datetime | None = None) -> dict[str, str]:
        """Amounts of the invoices in force by number: of each the row loaded last."""
        rows = self.desk.query(
            "select invoice_number, cast(gross_amount as varchar) from raw.invoices "
            "order by _load_id, _source_file, _source_row",
            known_at,
        )
        return dict(rows)


@pytest.fixture
def books(desk: Desk, database: Database) -> Books:
    return Books(desk, database)


def test_values_arrive_exactly(books: Books) -> None:
    books.database.execute(
        "create table typed (number varchar(20), customer varchar(20), issued date, "
        f"due {books.database.timestamp}, amount decimal(18, 2), net decimal(18, 2), "
        "factored boolean, insurable boolean)",
        "insert into typed values ('01', 'Café; \"x\", %s :y', '2026-02-28', "
        "'2026-03-31 00:00:00', 1234567890123.45, null, true, false), "
        "('2', ' C 2 ', '2024-02-29', null, -0.10, 0.00, null, null)",
    )
    feeds = {
        "invoices": INVOICES
        | {"due_date": "due", "net_amount": "net", "is_factored": "factored"}
        | {"is_insurable": "insurable", "issue_date": "issued"}
    }
    date_format = {"date_format": "%Y-%m-%d"}
    if books.database.backend == "sqlite":  # which keeps the text of a date as it is
        feeds["invoices"]["due_date"] = {"sql": "left(due, 10)"}
    books.desk.ingest(books.source(table="typed", load="snapshot", feeds=feeds, **date_format))
    assert books.desk.query(
        "select invoice_number, customer_code, issue_date, due_date, gross_amount, net_amount, "
        "is_factored, is_insurable, _source_file from raw.invoices order by 1"
    ) == [
        (
            "01",
            'Café; "x", %s :y',
            date(2026, 2, 28),
            date(2026, 3, 31),
            # A double has no room for more digits than these, and SQLite keeps doubles.
            Decimal("1234567890123.45"),
            None,
            True,
            False,
            "sql:typed",
        ),
        (
            "2",
            "C 2",
            date(2024, 2, 29),
            None,
            Decimal("-0.10"),
            Decimal("0.00"),
            None,
            None,
            "sql:typed",
        ),
    ]


def test_amount_with_too_many_decimals_is_refused_with_its_row(books: Books) -> None:
    books.database.execute(
        "create table precise (number varchar(20), customer varchar(20), issued date, "
        "amount decimal(18, 3))",
        "insert into precise values ('1', 'C1', '2026-01-05', 12.345)",
    )
    with pytest.raises(DataError, match=r"sql:precise:1: .*'12.345' has more than 2 decimals"):
        books.desk.ingest(books.source(table="precise"))


def test_snapshot_of_a_table_deletes_and_knows_the_same_content(books: Books) -> None:
    source = books.source(load="snapshot")
    for number in ("1", "2", "3"):
        books.put(number)
    books.desk.ingest(source)
    before = books.desk.now
    books.put("1")  # now the last row of the table, in most engines
    again = books.desk.ingest(source)
    assert (again.load_id, [file.status for file in again.files]) == (None, ["skipped"])
    books.database.execute("delete from invoices where number = '2'")
    books.put("3", "99.00")
    books.desk.ingest(source)
    assert books.state() == {"1": "12.50", "3": "99.00"}
    assert books.state(before) == {"1": "12.50", "2": "12.50", "3": "12.50"}


def test_changes_late_rows_and_deletions_follow_the_table(books: Books) -> None:
    books.put("1", changed="2026-01-10")
    books.put("2", changed="2026-01-20")
    books.put("3", changed=None)
    first = books.load()
    assert first.files[0].rows_accepted == 3
    moments = [(books.desk.now, books.state())]
    assert moments[0][1] == {"1": "12.50", "2": "12.50", "3": "12.50"}

    digest = state_digest(books.desk.home)
    assert books.load().load_id is None
    assert state_digest(books.desk.home) == digest

    books.put("4", "4.00", changed="2026-01-18")  # committed late, within the look-back
    books.put("1", "1.00", changed="2026-01-21")
    books.put("3", "3.00", changed=None)  # no value: it is read every time
    result = books.load()
    file = result.files[0]
    assert (file.rows_read, file.rows_accepted, file.rows_merged) == (4, 3, 1)
    moments.append((books.desk.now, books.state()))
    assert moments[1][1] == {"1": "1.00", "2": "12.50", "3": "3.00", "4": "4.00"}

    books.database.execute("delete from invoices where number in ('2', '3')")
    result = books.load()
    assert result.messages == (
        "books: 2 invoices that sql:invoices no longer has, deleted from now on.",
    )
    moments.append((books.desk.now, books.state()))
    assert moments[2][1] == {"1": "1.00", "4": "4.00"}

    books.put("2", "22.00", changed="2026-01-22")  # and back again
    books.database.execute("update invoices set number = '5' where number = '4'")
    books.load()
    moments.append((books.desk.now, books.state()))
    assert moments[3][1] == {"1": "1.00", "2": "22.00", "5": "4.00"}

    leftover = books.desk.home.deleted("invoices") / "20260101T000000000000Z.parquet"
    leftover.write_bytes(b"of a load that was killed")
    assert books.load().load_id is None
    assert not leftover.exists()
    for moment, state in moments:
        assert books.state(moment) == state
    assert verify(books.desk.home) == []
    [path] = books.desk.home.deleted("invoices").glob(f"{result.load_id}.parquet")
    path.write_bytes(path.read_bytes() + b"x")
    assert verify(books.desk.home) == [f"{path}: changed since load {result.load_id} wrote it"]


def test_only_what_may_have_changed_is_read(books: Books) -> None:
    for day in range(1, 21):
        books.put(str(day), changed=f"2026-01-{day:02}")
    assert books.load().files[0].rows_read == 20
    [load] = manifests(books.desk.home)
    assert load.files[0].high_water_mark == "2026-01-20 08:00:00"
    books.put("new", changed="2026-01-20")
    assert books.load().files[0].rows_read == 4


def test_key_that_the_look_back_does_not_reach_makes_the_whole_table_be_read(books: Books) -> None:
    for day in range(10, 21):
        books.put(str(day), changed=f"2026-01-{day}")
    books.load()
    books.put("late", changed="2026-01-01")
    books.database.execute("update invoices set number = '110' where number = '10'")
    file = books.load().files[0]
    assert (file.rows_read, file.rows_accepted) == (12, 2)
    assert set(books.state()) == {"110", *map(str, range(11, 21)), "late"}
    assert books.load().load_id is None
    # A change without a sign, too far back, is what this way of reading cannot see.
    books.put("11", "0.00", changed="2026-01-01")
    assert books.load().load_id is None
    assert books.load(incremental=INCREMENTAL | {"look_back": "30d"}).files[0].rows_accepted == 1


def test_whole_numbers_may_say_what_is_new(books: Books) -> None:
    books.database.execute("alter table invoices add column version bigint")
    incremental = {"column": "version", "look_back": "10"}
    for number in (100, 200):
        books.put(str(number))
        books.database.execute(f"update invoices set version = {number} where number = '{number}'")
    books.load(incremental=incremental)
    books.put("195")
    books.database.execute("update invoices set version = 195 where number = '195'")
    assert books.load(incremental=incremental).files[0].rows_read == 2
    with pytest.raises(UsageError, match=r"look_back: must be a number, as the column holds"):
        books.load(incremental=incremental | {"look_back": "3d"})


def test_dates_may_say_what_is_new(books: Books) -> None:
    incremental = {"column": "issued", "look_back": "12h"}
    books.put("1")
    books.load(incremental=incremental)
    assert manifests(books.desk.home)[0].files[0].high_water_mark == "2026-01-05"
    books.put("2")
    assert books.load(incremental=incremental).files[0].rows_read == 2


def test_a_date_in_the_future_hides_no_change(books: Books) -> None:
    books.put("1", changed="2999-12-31")
    books.put("2", changed="2025-12-31")
    books.load()
    books.put("3", changed="2025-12-31")
    books.load()
    assert sorted(books.state()) == ["1", "2", "3"]


def test_deletions_are_not_looked_for_where_told(books: Books) -> None:
    incremental = INCREMENTAL | {"deletions": "false"}
    books.put("1")
    books.put("2")
    books.load(incremental=incremental)
    books.database.execute("delete from invoices where number = '1'")
    books.load(incremental=incremental)
    assert sorted(books.state()) == ["1", "2"]
    books.load()
    assert sorted(books.state()) == ["2"]


def test_row_that_where_no_longer_keeps_is_deleted(books: Books) -> None:
    feeds = {"invoices": INVOICES | {"where": "note is distinct from 'draft'"}}
    books.put("1")
    books.put("2")
    books.load(feeds=feeds)
    books.database.execute(
        "update invoices set note = 'draft', changed = '2026-01-11 08:00:00' where number = '2'"
    )
    books.load(feeds=feeds)
    assert sorted(books.state()) == ["1"]


def test_emptied_table_stops_unless_that_may_be(books: Books) -> None:
    books.put("1")
    books.load()
    books.database.execute("delete from invoices")
    with pytest.raises(DataError, match=r"sql:invoices: has no rows"):
        books.load()
    assert sorted(books.state()) == ["1"]
    books.load(allow_empty=True)
    assert books.state() == {}


def test_quality_sees_the_state_that_the_changes_make(desk: Desk, monkeypatch: Any) -> None:
    books = sqlite_books(desk)
    monkeypatch.setenv(VARIABLE, books.database.url)
    for number in range(30):
        books.put(f"{number}")
    books.load()
    before = runs.new_run(desk.home, desk.now, Parameters(), known_at=None)
    before.status = "published"
    runs.save(desk.home, before)
    books.database.execute("delete from invoices where cast(number as integer) >= 10")
    books.put("new", changed="2026-01-11")
    books.load()
    after = runs.new_run(desk.home, desk.now, Parameters(), known_at=None)
    [delivery] = profiles.deliveries(desk.home, after, load_contract())
    assert delivery.is_state
    with duckdb.connect() as connection:
        rows = [
            profiles.profile(connection, desk.home, delivery, loads).rows
            for loads in (delivery.baseline, delivery.new)
        ]
    assert rows == [30, 11]


def test_key_that_moves_between_two_tables_is_kept(books: Books) -> None:
    books.database.execute(
        "create table archive (number varchar(20) primary key, customer varchar(20), "
        f"issued date, amount decimal(18, 2), changed {books.database.timestamp}, note text)"
    )
    entry = {"format": "sql", "database": VARIABLE, "load": "upsert", "allow_empty": True}
    entry |= {"incremental": INCREMENTAL, "feeds": {"invoices": INVOICES}}
    source = books.of(entry | {"table": "invoices"}, entry | {"table": "archive"})
    for number in ("1", "2", "3"):
        books.put(number)
    books.desk.ingest(source)
    books.database.execute(
        "insert into archive select * from invoices where number < '3'",
        "delete from invoices where number < '3'",
        "delete from archive where number = '1'",
    )
    books.desk.ingest(source)
    assert sorted(books.state()) == ["2", "3"]
    assert books.desk.ingest(source).load_id is None


def test_one_table_may_give_several_feeds(books: Books) -> None:
    disputes = {
        "entity_code": {"value": "FR01"},
        "dispute_id": {"sql": "'D' || number"},
        "invoice_number": "number",
        "opened_on": "issued",
        "where": "note = 'disputed'",
    }
    feeds = {"invoices": INVOICES, "disputes": disputes}
    count = "select count(*) from raw.disputes"
    books.put("1")
    books.load(feeds=feeds)
    assert books.desk.query(count) == [(0,)]
    books.database.execute("update invoices set note = 'disputed', changed = '2026-01-11 08:00:00'")
    books.load(feeds=feeds)
    assert books.desk.query(count) == [(1,)]
    books.put("2", changed="2026-01-20")
    books.put("3", changed="2026-01-21")
    assert books.load(feeds=feeds).files[0].rows_read == 3
    assert books.desk.query(count) == [(1,)]
    books.database.execute("update invoices set note = null, changed = '2026-01-22 08:00:00'")
    books.load(feeds=feeds)
    assert books.desk.query(count) == [(0,)]


def test_changed_mapping_reads_everything_again_and_leaves_nothing_of_before(books: Books) -> None:
    books.put("1", changed="2025-01-01")
    books.put("2")
    books.load()
    feeds = {"invoices": INVOICES | {"entity_code": {"value": "FR02"}}}
    assert books.load(feeds=feeds).files[0].rows_accepted == 2
    assert books.desk.query("select distinct entity_code from raw.invoices") == [("FR02",)]
    assert books.load(feeds=feeds).load_id is None


def test_table_that_goes_back_to_an_earlier_state_is_loaded_again(books: Books) -> None:
    for amount in ("1.00", "2.00", "1.00"):
        books.put("1", amount)
        books.desk.ingest(books.source())
        assert books.state() == {"1": amount}


def test_query_is_taken_as_it_is_written(books: Books) -> None:
    books.put("1")
    books.put("2", "100.00")
    query = """
        -- What is above 50 % of :x;
        with large as (select * from invoices where amount > 50 and customer like '%1')
        select number as "the number", customer, issued, amount, 100 as "rate %" from large;
    """
    if books.database.backend == "mysql":
        query = query.replace('"', "`")
    feeds = {"invoices": INVOICES | {"invoice_number": {"sql": '"the number" || "rate %"'}}}
    books.desk.ingest(books.source(table=None, query=query, name="large", feeds=feeds))
    assert books.state() == {"2100": "100.00"}
    assert books.desk.query("select _source_file from raw.invoices") == [("sql:large",)]


def test_all_tables_show_one_state_of_the_database(books: Books) -> None:
    books.put("1")
    books.database.execute("create table customers (code varchar(20))")
    books.database.execute("insert into customers values ('C1')")
    entry = {"format": "sql", "database": VARIABLE, "load": "snapshot"}
    source = books.of(
        entry | {"table": "invoices", "feeds": {"invoices": INVOICES}},
        entry | {"table": "customers", "feeds": {"customers": {"customer_code": "code"}}},
    )

    def write(message: str) -> None:
        if "sql:customers" in message and "from the database" in message:
            books.database.execute("insert into customers values ('C2')")

    ingest(books.desk.home, [source], books.desk.inbox, books.desk.now, write)
    codes = "select customer_code from raw.customers order by 1"
    assert books.desk.query(codes) == [("C1",)]
    books.desk.ingest(source)
    assert books.desk.query(codes) == [("C1",), ("C2",)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"table": "invoice"},
            r"books.yml:3: files\[0\].table: .* no table 'invoice'\. Did you mean 'invoices'\?",
        ),
        (
            {"feeds": {"invoices": INVOICES | {"issue_date": "isued"}}},
            r"sql:invoices: columns .* not in the table: isued\.\n  'isued': Did you mean 'issued'",
        ),
        (
            {"incremental": INCREMENTAL | {"column": "changd"}},
            r"files\[0\].incremental.column: .* no column 'changd'\. Did you mean 'changed'\?",
        ),
        (
            {"incremental": INCREMENTAL | {"column": "note"}},
            r"files\[0\].incremental: .*column 'note' holds 'x', which is no whole number",
        ),
        (
            {"table": None, "name": "q", "query": "select x from nowhere"},
            r"books.yml:3: files\[0\].query: cannot be read: .*nowhere",
        ),
        (
            {"table": None, "name": "q", "query": "select 1) q; delete from invoices; select (1"},
            r"books.yml:3: files\[0\].query: cannot be read: ",
        ),
    ],
)
def test_what_the_database_does_not_have_is_named_and_nothing_is_loaded(
    books: Books, options: dict[str, Any], message: str
) -> None:
    books.put("1")
    books.database.execute("update invoices set note = 'x'")
    with pytest.raises(EncoursError, match=message):
        books.desk.ingest(books.source(**options))
    assert manifests(books.desk.home) == []
    books.desk.ingest(books.source())
    assert books.state() == {"1": "12.50"}


def test_nothing_is_ever_written_to_the_database(books: Books) -> None:
    # The user who reads may write; the transaction does not let it.
    statement = {
        "postgresql": "with added as (insert into invoices (number) values ('x') returning 1) "
        "select * from added",
        "mysql": "select 1 as number into outfile '/nowhere'",
        "sqlite": "with added as (select 1) insert into invoices (number) values ('x')",
    }[books.database.backend]
    with pytest.raises(DataError, match=r"files\[0\].query: cannot be read"):
        books.desk.ingest(books.source(table=None, name="q", query=statement))
    if books.database.backend == "postgresql":
        books.database.execute("create sequence counter")
        books.put("1")
        query = "select nextval('counter') as next, * from invoices"
        feeds = {"invoices": INVOICES | {"invoice_number": "next"}}
        with pytest.raises(DataError, match=r"read-only transaction"):
            books.desk.ingest(books.source(table=None, name="q", query=query, feeds=feeds))


def test_check_reads_the_head_and_loads_nothing(books: Books) -> None:
    books.put("1")
    books.put("2", "12.00")
    broken = {"format": "sql", "database": VARIABLE, "table": "nowhere", "load": "upsert"}
    source = books.of(
        {"format": "sql", "database": VARIABLE, "table": "invoices", "load": "upsert"}
        | {"incremental": INCREMENTAL, "feeds": {"invoices": INVOICES}},
        broken | {"feeds": {"receipts": INVOICES_AS_RECEIPTS}},
    )
    lines = "\n".join(check_source(source, books.desk.inbox).lines())
    assert "books: sql:invoices\n  feed invoices: 2 of the first 2 rows" in lines
    assert "columns not used: changed, note" in lines
    assert "books: sql:nowhere\n  cannot be read: " in lines
    assert not books.desk.home.lake.exists()


INVOICES_AS_RECEIPTS = {
    "entity_code": {"value": "FR01"},
    "receipt_id": "number",
    "customer_code": "customer",
    "receipt_date": "issued",
    "amount": "amount",
    "currency_code": {"value": "EUR"},
}


@pytest.mark.parametrize("trouble", ["password", "host", "database", "statement"])
def test_no_message_and_no_file_has_the_password(
    books: Books, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    if books.database.backend == "sqlite":
        pytest.skip("SQLite has no password")
    url = books.database.url
    secret = "S3cr3t-of-the-test"  # noqa: S105
    if trouble == "password":
        url = url.replace(IN_URL, secret)
    elif trouble == "host":
        url = re.sub(r"@/(\w+)\?.*", r"@127.0.0.1:1/\1", url).replace(IN_URL, secret)
    elif trouble == "database":
        url = re.sub(r"/(postgres|books)\?", "/elsewhere?", url)
    secrets = (secret, PASSWORD, IN_URL, url)
    monkeypatch.setenv(VARIABLE, url)
    said: list[str] = []
    query = {"table": None, "name": "q", "query": f"select no_such('{PASSWORD}')"}
    source = books.source(**(query if trouble == "statement" else {}))
    with pytest.raises(DataError) as caught:
        ingest(books.desk.home, [source], books.desk.inbox, books.desk.now, said.append)
    message = str(caught.value)
    assert message.startswith(f"{source.path}:3: files[0].")
    if trouble != "statement":
        assert "database: the database cannot be opened: " in message
    said += [message, "".join(traceback.format_exception(caught.value))]
    books.put("1")
    monkeypatch.setenv(VARIABLE, books.database.url)
    books.desk.ingest(books.source(incremental=INCREMENTAL))
    written = [
        path.read_bytes().decode("latin-1")
        for path in books.desk.home.path.rglob("*")
        if path.is_file()
    ]
    assert len(written) > 1
    for text in [*said, *written]:
        assert not any(each in text for each in secrets)


def sqlite_books(desk: Desk) -> Books:
    return Books(desk, sqlite_database(desk.inbox))


def test_url_without_secret_may_stand_in_the_yaml(desk: Desk) -> None:
    books = sqlite_books(desk)
    books.put("1")
    desk.ingest(books.source(database="sqlite:///books.db"))
    assert books.state() == {"1": "12.50"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("database", "postgresql://me:hunter2@host/books"),
        ("database", "mysql://host/books?user=me&password=hunter2"),
        ("database", "postgresql://:hunter2@host/books"),
        ("url", "postgresql://me:hunter2@host/books"),
        ("query", "select * from dblink('postgresql://me:hunter2@host/books')"),
    ],
)
def test_password_in_the_yaml_is_refused_and_not_repeated(desk: Desk, key: str, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        sqlite_books(desk).source(**{key: value})
    message = "".join(traceback.format_exception(caught.value))
    assert f"books.yml:3: files[0].{key}: holds a URL with a password" in message
    assert "environment variable" in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"database": None}, "format sql needs database"),
        ({"database": "not a name"}, "must be the name of an environment variable"),
        ({"query": "select 1"}, "needs either table or query"),
        ({"table": None}, "needs either table or query"),
        ({"table": None, "query": "select 1"}, "a query needs a name"),
        ({"path": "invoices.csv"}, "path has no meaning for format sql"),
        ({"delimiter": ";"}, "delimiter has no meaning for format sql"),
        ({"table": None, "name": "q", "query": "delete from t"}, "begins with select or with, not"),
        ({"incremental": {"column": "x", "look_back": "3 weeks"}}, "'3 weeks' is neither"),
        ({"incremental": {"column": "x"}}, "incremental.look_back: is missing"),
        ({"incremental": INCREMENTAL, "load": "snapshot"}, "incremental reads changes"),
    ],
)
def test_what_the_yaml_lacks_is_named(desk: Desk, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=rf"books.yml:3: files\[0\].*{message}"):
        sqlite_books(desk).source(**options)


def test_tables_of_one_feed_are_read_alike_and_have_different_names(desk: Desk) -> None:
    books = sqlite_books(desk)
    entry = {"format": "sql", "database": VARIABLE, "table": "invoices", "load": "upsert"}
    entry |= {"feeds": {"invoices": INVOICES}}
    with pytest.raises(UsageError, match=r"books.yml:4: files\[1\]: sql:invoices is read further"):
        books.of(entry, entry)
    with pytest.raises(UsageError, match=r"files\[1\].incremental: feed invoices comes from sev"):
        books.of(entry, entry | {"table": "archive", "incremental": INCREMENTAL})


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (None, r"the environment variable BOOKS_DATABASE is not set"),
        ("postgresql://u:sec/ret@host:port/x", r"BOOKS_DATABASE cannot be read"),
        ("oracle://u:secret@host/x", r"is not for PostgreSQL, MySQL or SQLite"),
        ("sqlite:///missing.db", r"there is no file .*missing\.db"),
        ("sqlite://", r"there is no file"),
    ],
)
def test_environment_that_does_not_say_where_is_named(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, url: str | None, message: str
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if url is not None:
        monkeypatch.setenv(VARIABLE, url)
    with pytest.raises(EncoursError, match=rf"books.yml:3: files\[0\].database: .*{message}") as it:
        desk.ingest(sqlite_books(desk).source())
    assert "sec" not in str(it.value)
    assert not (desk.inbox / "missing.db").exists()


def test_texts_that_no_record_can_hold_are_refused(desk: Desk, monkeypatch: Any) -> None:
    books = sqlite_books(desk)
    monkeypatch.setenv(VARIABLE, books.database.url)
    books.put("1")
    books.database.execute(
        "insert into invoices (number, customer) values ('2', 'a' || char(0) || 'b')",
        f"insert into invoices (number, customer) values ('3', '{'x' * 600_000}')",
    )
    with pytest.raises(DataError) as caught:
        desk.ingest(books.source())
    assert "sql:invoices:2: holds a NUL character" in str(caught.value)
    assert "sql:invoices:3: is longer than 500,000 characters" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("  as it is ", "  as it is "),
        (True, "true"),
        (False, "false"),
        (12, "12"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.10"), "0,10"),
        (Decimal("-12345678901234567890.123456789"), "-12345678901234567890,123456789"),
        (Decimal("1E-7"), "0,0000001"),
        (0.1, "0,1"),
        (12.0, "12"),
        (1e16, "10000000000000000"),
        (1234.56, "1234,56"),
        (date(2026, 2, 1), "01/02/2026"),
        (datetime(2026, 2, 1), "01/02/2026"),  # noqa: DTZ001
        (datetime(2026, 2, 1, 12, 30), "2026-02-01 12:30:00"),  # noqa: DTZ001
        (datetime(2026, 2, 1, 12, 30, 0, 5), "2026-02-01 12:30:00.000005"),  # noqa: DTZ001
        (datetime(2026, 2, 1, tzinfo=UTC), "2026-02-01 00:00:00+00:00"),
        (timedelta(hours=12), "12:00:00"),
        (b"\x01\xff", "0x01ff"),
        ({"a": [1, "é"]}, '{"a": [1, "é"]}'),
    ],
)
def test_values_as_text(value: object, text: str) -> None:
    spec = FileSpec.model_validate(
        {"format": "sql", "database": "X", "table": "t", "load": "upsert", "decimal_separator": ","}
        | {"date_format": "%d/%m/%Y", "feeds": {"invoices": {"invoice_number": "n"}}}
    )
    assert converter(spec)(value) == text


def test_refused_row_keeps_what_was_loaded_before(desk: Desk, monkeypatch: Any) -> None:
    books = sqlite_books(desk)
    monkeypatch.setenv(VARIABLE, books.database.url)
    books.put("1")
    books.load()
    books.put("1", "1.234", changed="2026-01-11")
    source = books.source(incremental=INCREMENTAL)
    allowed = desk.yaml(source.path.read_text() + "max_rejected_rows: 1\n")
    assert desk.ingest(allowed).files[0].rows_refused == 1
    assert books.state() == {"1": "12.50"}
    rejected = next(desk.home.rejected.glob("*.parquet"))
    assert duckdb.sql(f"select file, line from '{rejected}'").fetchall() == [("sql:invoices", 1)]
