"""Reading tables and queries of a database into files of text, all in one state of it.

What is read becomes a file of records that the rest of the ingestion treats as any other. The
messages of drivers may hold the URL with its password: none leaves here as it is.
"""

import csv
import hashlib
import json
import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from sqlalchemy import Connection, create_engine, inspect, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from encours.errors import DataError, UsageError
from encours.extracts import ExtractedRows, Reading, TableExtract
from encours.feeds import nearest
from encours.readers import check_header
from encours.sources import FileSpec, mentioned
from encours.text import RECORD_BYTES, Refusal

_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "sqlite": "sqlite",
}
_BEGIN = {
    "postgresql": ("set local time zone 'UTC'",),
    "mysql": (
        "set time_zone = '+00:00'",
        "start transaction with consistent snapshot, read only",
    ),
    "sqlite": ("pragma query_only = 1", "begin"),
}
"""What makes one state of the database visible to all that is read; PostgreSQL by its level."""
_CONNECT_SECONDS = 15
_ROWS_AT_ONCE = 5000
_ROWS_PER_LINE = 500_000
_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+]00:?00)?)?"
)
_NUL = "\0"


def extracts(reading: Reading, entries: Sequence[int]) -> Iterator[tuple[int, TableExtract]]:
    """Read some entries of a source; those of one database in one transaction.

    Raises:
        UsageError: The environment or the YAML does not say what to read.
        DataError: The database cannot be reached or does not have it.
    """
    files = reading.source.files
    for database in dict.fromkeys(files[entry].database for entry in entries):
        of_database = [entry for entry in entries if files[entry].database == database]
        with _opened(reading, of_database[0]) as (connection, shown):
            for entry in of_database:
                reading.progress(f"reading {files[entry].path} from the database")
                with _naming(reading.place(entry, _what(files[entry])), "cannot be read", shown):
                    extract = _read_entry(reading, entry, connection)
                yield entry, extract


@contextmanager
def _opened(
    reading: Reading, entry: int
) -> Iterator[tuple[Connection, Callable[[Exception], str]]]:
    """A connection in one state of the database, and how to show errors of it."""
    place = reading.place(entry, "database")
    url, secrets = _url(reading, entry, place)

    def shown(error: Exception) -> str:
        return _shown(error, secrets)

    backend = url.get_backend_name()
    # Without parameters the drivers leave every % of a query alone.
    execution: dict[str, Any] = {"no_parameters": True}
    options: dict[str, Any] = {"poolclass": NullPool, "hide_parameters": True}
    if backend == "sqlite":
        options |= {"creator": _sqlite(reading.base, url, place), "isolation_level": "AUTOCOMMIT"}
    else:
        options["isolation_level"] = "REPEATABLE READ"
        if "connect_timeout" not in url.query:
            options["connect_args"] = {"connect_timeout": _CONNECT_SECONDS}
    if backend == "postgresql":
        execution["postgresql_readonly"] = True
    options["execution_options"] = execution
    advice = " Check the URL, the user and the password, and that the server can be reached."
    with _naming(place, "the database cannot be opened", shown, advice):
        engine = create_engine(url, **options)
        connection = engine.connect()
    try:
        with _naming(place, "the database cannot be read", shown):
            for statement in _BEGIN[backend]:
                connection.exec_driver_sql(statement)
        yield connection, shown
    finally:
        with _naming(place, "the connection cannot be closed", shown):
            connection.close()
            engine.dispose()


def _url(reading: Reading, entry: int, place: str) -> tuple[URL, set[str]]:
    """The URL of a database with the driver to use, and the texts that nobody may see."""
    database = reading.source.files[entry].database or ""
    text = database if "://" in database else os.environ.get(database, "").strip()
    if not text:
        raise UsageError(
            f"{place}: the environment variable {database} is not set. Set it to the URL of the "
            "database, such as postgresql://user:password@host/database."
        )
    where = "the URL" if text == database else f"the URL in the environment variable {database}"
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise UsageError(
            f"{place}: {where} cannot be read. It is written as "
            "postgresql://user:password@host:port/database; signs of the password such as @ : / "
            "as %40 %3A %2F."
        ) from None
    driver = _DRIVERS.get(url.drivername.split("+")[0])
    if driver is None:
        raise UsageError(
            f"{place}: {where} is not for PostgreSQL, MySQL or SQLite. It begins with "
            "postgresql://, mysql:// or sqlite:///."
        )
    secrets = {text, *map(str, url.query.values())}
    if url.password:
        secrets |= {url.password, quote(url.password, safe=""), quote_plus(url.password)}
    return url.set(drivername=driver), secrets - {""}


def _sqlite(base: Path, url: URL, place: str) -> Callable[[], sqlite3.Connection]:
    """Opens a file of SQLite to read it; a missing one is not made."""
    path = base / (url.database or "")
    if not path.is_file():
        raise DataError(f"{place}: there is no file {path}. Correct the path, or deliver it.")
    address = f"file:{quote(str(path.resolve()))}?mode=ro"
    return lambda: sqlite3.connect(address, uri=True, check_same_thread=False)


@contextmanager
def _naming(
    place: str, what: str, shown: Callable[[Exception], str], advice: str = ""
) -> Iterator[None]:
    """Have failures of a database name the YAML, and nothing that is secret.

    Raises:
        DataError: The database or its driver refuses.
    """
    try:
        yield
    except (SQLAlchemyError, OSError, RuntimeError, UnicodeError, sqlite3.Error) as error:
        message = f"{place}: {what}: {shown(error)}.{advice}"
    else:
        return
    raise DataError(message) from None  # what it came from may hold the secret


def _shown(error: Exception, secrets: set[str]) -> str:
    """What the driver says, in one line and without secrets."""
    origin: BaseException = error
    if isinstance(error, DBAPIError) and error.orig is not None:
        origin = error.orig
    numbered = len(origin.args) > 1 and isinstance(origin.args[0], int)  # as PyMySQL does
    lines = str(origin.args[1] if numbered else origin).strip().splitlines()
    text = lines[0].strip() if lines else type(origin).__name__
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text.rstrip(".")


def _what(spec: FileSpec) -> str:
    return "query" if spec.query else "table"


def _read_entry(reading: Reading, entry: int, connection: Connection) -> TableExtract:
    spec = reading.source.files[entry]
    relation = _relation(reading, entry, connection)
    with connection.exec_driver_sql(f"select * from {relation} where 1 = 0") as nothing:
        columns = list(nothing.keys())
    check_header(spec.path, None, columns, spec)
    path = reading.folder / f"{reading.source.name}_{entry}.records"
    if reading.limit is not None:
        statement = f"select * from {relation} limit {reading.limit}"
        rows, content = _Writer(reading, spec, path, columns).write(connection, statement)
        return TableExtract(rows, None, content, None)
    used = _used(reading, spec, columns)
    if spec.incremental is None:
        statement = _select(connection, used, relation)
        rows, content = _Writer(reading, spec, path, used).write(connection, statement)
        return TableExtract(rows, None, content, None)
    return _read_changes(reading, entry, connection, relation, columns)


def _read_changes(
    reading: Reading, entry: int, connection: Connection, relation: str, columns: list[str]
) -> TableExtract:
    """Read what changed since the mark, and the keys of everything."""
    spec = reading.source.files[entry]
    assert spec.incremental is not None
    column = spec.incremental.column
    if column not in columns:
        raise UsageError(
            f"{reading.place(entry, 'incremental', 'column')}: {spec.path} has no column "
            f"'{column}'. {nearest(column, columns)}"
        )
    used = _used(reading, spec, columns)
    mark = Mark(reading, entry, reading.marks.get(entry))
    start = mark.start()
    statement = _select(connection, [*used, column], relation)
    name = _quoted(connection, column)
    if start is not None:
        # A row without a value changes without a trace: it is read every time.
        statement += f" where {name} >= {start} or {name} is null"
    path = reading.folder / f"{reading.source.name}_{entry}.records"
    rows, content = _Writer(reading, spec, path, used, mark).write(connection, statement)
    mark.start()  # says now if the look-back does not fit the column
    keys = None
    if start is not None and spec.incremental.deletions:
        key_columns = _used(reading, spec, columns, keys_only=True)
        statement = _select(connection, key_columns, relation)
        path = path.with_suffix(".keys")
        keys, of_keys = _Writer(reading, spec, path, key_columns).write(connection, statement)
        content = hashlib.sha256(f"{content} {of_keys}".encode()).hexdigest()
    return TableExtract(rows, keys, content, mark.value)


def _relation(reading: Reading, entry: int, connection: Connection) -> str:
    """SQL for what an entry reads."""
    spec = reading.source.files[entry]
    if spec.query is not None:
        return f"(\n{spec.query}\n) as source_rows"
    assert spec.table is not None
    schema, _, table = spec.table.rpartition(".")
    inspector = inspect(connection)
    if not inspector.has_table(table, schema or None):
        names = inspector.get_table_names(schema or None)
        names += inspector.get_view_names(schema or None)
        known = nearest(table, sorted(names)) if names else "It has none that this user sees."
        raise DataError(
            f"{reading.place(entry, 'table')}: the database has no table '{spec.table}'. {known}"
        )
    return ".".join(_quoted(connection, name) for name in (schema, table) if name)


def _used(
    reading: Reading, spec: FileSpec, columns: list[str], *, keys_only: bool = False
) -> list[str]:
    """The columns that the feeds, or their keys, are made of; at least one."""
    names: set[str] = set()
    for feed, mapping in spec.feeds.items():
        names |= mentioned(mapping, reading.contract[feed].key if keys_only else None)
    return [column for column in columns if column.lower() in names] or columns[:1]


def _select(connection: Connection, columns: list[str], relation: str) -> str:
    return f"select {', '.join(_quoted(connection, name) for name in columns)} from {relation}"


def _quoted(connection: Connection, name: str) -> str:
    """A name as the SQL of the database writes it."""
    # Some dialects double the percent sign, which only statements with parameters need.
    return connection.dialect.identifier_preparer.quote(name).replace("%%", "%")


class Mark:
    """The greatest value of an incremental column, as text that sorts and is exact."""

    def __init__(self, reading: Reading, entry: int, value: str | None) -> None:
        spec = reading.source.files[entry]
        assert spec.incremental is not None
        self.value = value
        self._look_back = spec.incremental.look_back
        self._name = f"{spec.path}: column '{spec.incremental.column}'"
        self._place = reading.place(entry, "incremental")
        self._latest = reading.now + timedelta(days=1) if reading.now else None
        self._greatest: Any = None

    def see(self, value: Any) -> None:
        """Take notice of a value.

        Raises:
            UsageError: Its type does not grow with time in a way that is known.
        """
        if value is None or (self._greatest is not None and value <= self._greatest):
            return
        if isinstance(value, datetime):
            moment = value.astimezone(UTC) if value.tzinfo else value
            text, day = moment.isoformat(sep=" "), moment.replace(tzinfo=None)
        elif isinstance(value, date):
            text, day = value.isoformat(), datetime.combine(value, time())
        elif isinstance(value, str) and _ISO.fullmatch(value):
            text, day = value, datetime.fromisoformat(value).replace(tzinfo=None)
        elif isinstance(value, (int, Decimal)) and not isinstance(value, bool) and value % 1 == 0:
            self._greatest, self.value = value, str(int(value))
            return
        else:
            raise UsageError(
                f"{self._place}: {self._name} holds '{value}', which is no whole number, date or "
                "timestamp. Choose a column that grows with every change."
            )
        if (
            self._latest is None or day <= self._latest
        ):  # a date in the future would hide all changes until then
            self._greatest, self.value = value, text

    def start(self) -> str | None:
        """SQL for the first value to read again; None reads everything.

        Raises:
            UsageError: The look-back is a duration and the column holds numbers, or the like.
        """
        if self.value is None:
            return None
        is_number = re.fullmatch("-?[0-9]+", self.value) is not None
        if is_number != isinstance(self._look_back, int):
            wanted = "a number, as the column holds" if is_number else "a duration such as 3d"
            raise UsageError(f"{self._place}.look_back: must be {wanted}; {self._name}.")
        if isinstance(self._look_back, int):
            return str(int(self.value) - self._look_back)
        moment = datetime.fromisoformat(self.value) - self._look_back
        if len(self.value) == len("2026-12-31"):
            return f"'{moment.date().isoformat()}'"
        zone = "+00:00" if self.value.endswith("+00:00") else ""
        text = moment.replace(tzinfo=None, microsecond=0).isoformat(sep=self.value[10])
        return f"'{text}{zone}'"


class _Writer:
    """Writes what a statement gives as records, and adds up a hash that knows no order."""

    def __init__(
        self,
        reading: Reading,
        spec: FileSpec,
        path: Path,
        columns: list[str],
        mark: Mark | None = None,
    ) -> None:
        self._reading = reading
        self._label = spec.path
        self._path = path
        self._columns = tuple(columns)
        self._mark = mark
        self._text = converter(spec)

    def write(self, connection: Connection, statement: str) -> tuple[ExtractedRows, str]:
        """Run the statement; returns the rows, and a hash of their content."""
        refusals: list[Refusal] = []
        total = written = line = 0
        width, text, mark = len(self._columns), self._text, self._mark
        options = {"stream_results": True, "max_row_buffer": _ROWS_AT_ONCE}
        with (
            self._path.open("w", encoding="utf-8", newline="") as stream,
            connection.exec_driver_sql(statement, execution_options=options) as result,
        ):
            writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
            for some in result.partitions(_ROWS_AT_ONCE):
                for row in some:
                    line += 1
                    if mark is not None:
                        mark.see(row[-1])
                    texts = [text(value) for value in row[:width]]
                    whole = "\x1f".join(texts)
                    digest = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).digest()
                    total += int.from_bytes(digest)
                    reason = _unreadable(whole)
                    if reason is not None:
                        refusals.append(Refusal(line, whole.replace(_NUL, "")[:200], reason))
                        continue
                    writer.writerow([line, *texts])
                    written += 1
                if line % _ROWS_PER_LINE == 0 and line:
                    self._reading.progress(f"reading {self._label}: {line:,} rows")
        content = f"{json.dumps(self._columns)} {line} {total % 2**256:x}"
        rows = ExtractedRows(self._path, self._columns, written, tuple(refusals))
        return rows, hashlib.sha256(content.encode()).hexdigest()


def _unreadable(text: str) -> str | None:
    if _NUL in text:
        return "holds a NUL character"
    if len(text) > RECORD_BYTES // 4:
        return f"is longer than {RECORD_BYTES // 4:,} characters"
    return None


def converter(spec: FileSpec) -> Callable[[Any], str]:
    """How values of the drivers are written as text: exactly, as a file would hold them.

    Dates, and timestamps at midnight, are written in the date format of the entry.
    """

    def day(value: date) -> str:
        return value.strftime(spec.date_format)

    def moment(value: datetime) -> str:
        if value.tzinfo is None and value.time() == time():
            return day(value)
        return (value.astimezone(UTC) if value.tzinfo else value).isoformat(sep=" ")

    def number(value: Decimal) -> str:
        return format(value, "f").replace(".", spec.decimal_separator)

    def floating(value: float) -> str:
        # The shortest text that means this double: what somebody once wrote there.
        text = number(Decimal(repr(value)))
        return text.removesuffix(f"{spec.decimal_separator}0")

    def binary(value: bytes | bytearray | memoryview) -> str:
        return "0x" + bytes(value).hex()

    def document(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, default=str)

    by_type: dict[type, Callable[[Any], str]] = {
        str: lambda value: value,
        type(None): lambda _: "",
        bool: lambda value: "true" if value else "false",
        int: str,
        Decimal: number,
        float: floating,
        datetime: moment,
        date: day,
        bytes: binary,
        bytearray: binary,
        memoryview: binary,
        dict: document,
        list: document,
    }

    def text(value: Any) -> str:
        return by_type.get(type(value), str)(value)

    return text
