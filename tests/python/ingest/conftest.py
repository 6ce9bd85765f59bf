"""A desk where files are delivered, ingested and looked at."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from encours.home import Home
from encours.ingest import IngestResult, ingest
from encours.lake import register
from encours.sources import Source, load_source

START = datetime(2026, 1, 1)  # noqa: DTZ001 - UTC, as the lake keeps it

HEADER = "entity,number,customer,issued,amount,currency"
INVOICES = {
    "entity_code": "entity",
    "invoice_number": "number",
    "customer_code": "customer",
    "issue_date": "issued",
    "gross_amount": "amount",
    "currency_code": "currency",
}


@dataclass
class Desk:
    """An inbox and a home folder, with a clock that moves one minute per ingestion."""

    inbox: Path
    home: Home
    now: datetime = START

    def put(self, name: str, content: str | bytes) -> Path:
        """Deliver a file."""
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def invoices(self, *rows: str, header: str = HEADER, name: str = "invoices.csv") -> Path:
        """Deliver a CSV of invoices."""
        return self.put(name, "".join(f"{line}\n" for line in (header, *rows)))

    def yaml(self, text: str, name: str = "books.yml") -> Source:
        """Write and load a source YAML."""
        return load_source(self.put(name, text))

    def books(self, *, max_rejected_rows: int = 0, name: str = "books", **options: Any) -> Source:
        """A source with one CSV of invoices; options are those of its entry in `files`."""
        entry = {"path": "invoices.csv", "format": "csv", "load": "snapshot"} | options
        feeds = entry.pop("feeds", {"invoices": INVOICES})
        lines = "".join(f"    {key}: {_flow(value)}\n" for key, value in entry.items())
        return self.yaml(
            f"name: {name}\nmax_rejected_rows: {max_rejected_rows}\nfiles:\n  -\n{lines}"
            f"    feeds: {_flow(feeds)}\n",
            name=f"{name}.yml",
        )

    def ingest(self, *sources: Source) -> IngestResult:
        """Ingest, one minute after the last time."""
        self.now += timedelta(minutes=1)
        return ingest(self.home, sources, self.inbox, self.now, lambda _: None)

    def query(self, sql: str, known_at: datetime | None = None) -> list[tuple[Any, ...]]:
        """Query the raw tables as known at a moment, by default now."""
        with duckdb.connect() as connection:
            register(connection, self.home, known_at)
            return connection.execute(sql).fetchall()

    def numbers(self, known_at: datetime | None = None) -> list[str]:
        """Invoice numbers in force."""
        sql = "select invoice_number from raw.invoices order by _load_id, _source_file, _source_row"
        return [number for (number,) in self.query(sql, known_at)]

    def refused(self) -> list[tuple[Any, ...]]:
        """Line, column and reason of everything refused by the last ingestion."""
        last = max(self.home.rejected.glob("*.parquet"))
        return duckdb.sql(
            f"select line, column_name, reason from '{last}' order by line, column_name"
        ).fetchall()


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'
    return str(value).lower()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An empty inbox and an empty home folder."""
    (tmp_path / "inbox").mkdir()
    return Desk(tmp_path / "inbox", Home(tmp_path / "home"))


@pytest.fixture
def row() -> Callable[..., str]:
    """Makes the CSV line of an invoice of which only some fields matter."""

    def make(number: str = "1", **fields: str) -> str:
        values = {
            "entity": "FR01",
            "number": number,
            "customer": "C1",
            "issued": "2026-01-31",
            "amount": "12.50",
            "currency": "EUR",
        }
        return ",".join((values | fields).values())

    return make
