"""The scratch database in which one ingestion reads, casts and compares before it commits."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import duckdb

from encours.casting import create_view, naming_sql, refused_sql, rows_of
from encours.delivery import Delivered, Group, check_unchanged, mapping_sha256
from encours.errors import DataError
from encours.fec import read_fec
from encours.fec_ledger import Member, build_feeds, view_name
from encours.feeds import Feed
from encours.lake import quoted
from encours.readers import (
    DOCUMENT_FORMATS,
    LINE,
    PLAIN,
    Request,
    Table,
    create_table,
    extract_documents,
    insert_refusals,
    open_scratch,
    read,
    row_text,
    write_records,
)

FILE_SHIFT = 32
"""In a table of many files a line is its number in the file, and above these bits the file's."""


@dataclass
class Batch:
    """The small files of one entry of a source, which share a table."""

    name: str
    records: Path
    columns: tuple[str, ...]
    numbers: list[int] = field(default_factory=list)
    rows: int = 0


@dataclass
class Scratch:
    """A database with one table of accepted rows per feed, and the refused and merged rows.

    Files are known by their place in `files`, which is also the order in which they count.
    """

    connection: duckdb.DuckDBPyConnection
    folder: Path
    files: Sequence[Delivered]
    groups: Sequence[Group]
    tables: list[Table] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    batches: dict[tuple[str, int, tuple[str, ...]], Batch] = field(default_factory=dict)
    _mappings: dict[tuple[str, int, str], str] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def opened(
        cls,
        folder: Path,
        files: Sequence[Delivered],
        groups: Sequence[Group],
        readable: Sequence[Path] = (),
    ) -> "Iterator[Scratch]":
        """Open an empty one that may spill into a folder, and may read files of the lake, too."""
        folder.mkdir(parents=True, exist_ok=True)
        inputs = [*(file.path for file in files), *readable]
        with open_scratch(folder, inputs) as connection:
            connection.execute("create table merged (file integer, line bigint)")
            for feed in {group.feed.name: group.feed for group in groups}.values():
                columns = "".join(f"{column.name} {column.data_type}, " for column in feed.columns)
                connection.execute(
                    f"create table {typed(feed)} ({columns} _source varchar, "
                    "_source_file varchar, _source_row bigint, _file integer)"
                )
            yield cls(connection, folder, files, groups)

    def number(self, query: str) -> int:
        """The only value of a query."""
        row = self.connection.execute(query).fetchone()
        return int(row[0]) if row else 0

    def groups_of(self, file: Delivered) -> list[Group]:
        """The groups that a file belongs to."""
        return [group for group in self.groups if id(file) in self._members[id(group)]]

    def mapping_sha256(self, file: Delivered, feed: Feed) -> str:
        """Hash of how a file is read for a feed; the same for all files of an entry."""
        key = (file.source.name, file.entry, feed.name)
        if key not in self._mappings:
            self._mappings[key] = mapping_sha256(file.source, file.entry, feed)
        return self._mappings[key]

    @cached_property
    def _members(self) -> dict[int, set[int]]:
        return {id(group): {id(file) for file in group.files} for group in self.groups}

    @property
    def batched(self) -> set[int]:
        """The files that share a table with others."""
        return {number for batch in self.batches.values() for number in batch.numbers}

    def refused_rows(self, files: Sequence[int]) -> int:
        """How many rows of some files are refused, whatever for and however often."""
        listed = ", ".join(map(str, files)) or "null"
        return self.number(
            f"select count(distinct (file, line)) from refused where file in ({listed})"
        )

    def read_all(self, progress: Callable[[str], None], limit: int | None = None) -> None:
        """Read every file, or its head, and cast its rows.

        Raises:
            UsageError: The source YAML does not fit a file.
            DataError: A file cannot be read, or SQL of the source fails on its rows.
        """
        for number, file in enumerate(self.files):
            verb = "reading" if file.extract is None else "loading"
            progress(f"{verb} {file.label} ({file.size / 1e6:,.1f} MB)")
            name = f"file_{number}"
            request = Request(
                self.folder, file.path, file.label, file.spec, name, limit, file.extract
            )
            if file.spec.format in DOCUMENT_FORMATS and limit is None:
                self._add_to_batch(number, file, request)
                continue
            is_ledger = file.spec.format == "fec"
            table = (read_fec if is_ledger else read)(self.connection, request)
            if file.extract is None:
                check_unchanged(file)
            self.tables.append(table)
            self.messages += table.remarks
            if is_ledger:
                insert_refusals(self.connection, number, table)
                continue
            create_view(self.connection, table, file.spec, f"view_{number}")
            insert_refusals(self.connection, number, table)
            for group in self.groups_of(file):
                self._cast(number, file, group.feed, f"view_{number}")
        self._read_ledgers(progress)
        for batch in self.batches.values():
            self._cast_batch(batch)

    def _add_to_batch(self, number: int, file: Delivered, request: Request) -> None:
        """Read a small file; what it holds is cast with that of the others of its entry."""
        found = extract_documents(request)
        check_unchanged(file)
        key = (file.source.name, file.entry, found.columns)
        if key not in self.batches:
            name = f"batch_{len(self.batches)}"
            self.batches[key] = Batch(name, self.folder / f"{name}.records", found.columns)
        batch = self.batches[key]
        rows = (((number << FILE_SHIFT) + line, texts) for line, texts in found.rows)
        write_records(rows, batch.records)
        batch.numbers.append(number)
        batch.rows += len(found.rows)
        table = Table(batch.name, found.columns, len(found.rows), found.refusals, found.remarks)
        if found.refusals:
            insert_refusals(self.connection, number, table)
        self.tables.append(table)
        self.messages += found.remarks

    def _cast_batch(self, batch: Batch) -> None:
        """Cast the rows of many files at once."""
        file = self.files[batch.numbers[0]]
        table = Table(batch.name, batch.columns, batch.rows, ())
        create_table(
            self.connection, batch.records, PLAIN, batch.name, len(batch.columns), batch.rows
        )
        create_view(self.connection, table, file.spec, f"view_{batch.name}")
        for group in self.groups:
            numbers = [n for n in batch.numbers if id(self.files[n]) in self._members[id(group)]]
            if not numbers:
                continue
            try:
                self._cast_files(batch, table, group.feed, numbers)
            except DataError:
                # SQL of the source fails on a row: the message is to name the file.
                for number in numbers:
                    self._cast_files(batch, table, group.feed, [number])
                raise

    def _cast_files(self, batch: Batch, table: Table, feed: Feed, numbers: list[int]) -> None:
        file = self.files[numbers[0]]
        view = f"view_{batch.name}"
        if len(numbers) < len(batch.numbers):
            view = f"{view}_{feed.name}"
            # A table, since DuckDB may evaluate an expression before it filters a view.
            self.connection.execute(
                f"create or replace temp table {view} as select * from view_{batch.name} "
                f"where {LINE} >> {FILE_SHIFT} in ({', '.join(map(str, numbers))})"
            )
        rows = rows_of(self.connection, file.source, file.entry, feed, view)
        names = ", ".join(f"good.{column.name}" for column in feed.columns)
        line = f"& {(1 << FILE_SHIFT) - 1}"
        self.connection.execute(
            "create or replace temp table labels as select unnest(cast($numbers as integer[])) "
            "as file, unnest(cast($labels as varchar[])) as label",
            {"numbers": numbers, "labels": [self.files[number].label for number in numbers]},
        )
        with naming_sql(file.source, file.entry, feed, file.label):
            self.connection.execute(
                f"insert into {typed(feed)} select {names}, {quoted(file.source.name)}, "
                f"labels.label, good.{LINE} {line}, labels.file from ({rows.cast}) as good "
                f"join labels on good.{LINE} >> {FILE_SHIFT} = labels.file where not good._refused "
                f"order by good.{LINE}"
            )
            refused = refused_sql(rows, table, file.spec, feed)
            self.connection.execute(
                f"insert into refused select line >> {FILE_SHIFT}, line {line}, "
                f"* exclude (line) from ({refused})"
            )

    def _read_ledgers(self, progress: Callable[[str], None]) -> None:
        """Turn the ledgers into feeds: all files of an entry together, since letters span years."""
        ledgers: dict[tuple[str, int], list[Member]] = {}
        for number, file in enumerate(self.files):
            if file.spec.format == "fec":
                member = Member(number, file, self.tables[number])
                ledgers.setdefault((file.source.name, file.entry), []).append(member)
        for members in ledgers.values():
            progress(f"sorting the entries of {', '.join(each.file.label for each in members)}")
            build_feeds(self.connection, self.folder, members)
            for member in members:
                for group in self.groups_of(member.file):
                    view = view_name(member.number, group.feed.name)
                    self._cast(member.number, member.file, group.feed, view)

    def settle_duplicates(self) -> None:
        """Refuse or merge rows of one delivery that have the same key."""
        for group in self.groups:
            self._settle_duplicates(group)

    def _cast(self, number: int, file: Delivered, feed: Feed, view: str) -> None:
        """Put the good rows of a file in the table of a feed, the others among the refused."""
        rows = rows_of(self.connection, file.source, file.entry, feed, view)
        names = ", ".join(column.name for column in feed.columns)
        with naming_sql(file.source, file.entry, feed, file.label):
            kept = self.number(f"select count(*) from ({rows.kept})")
            self.connection.execute(
                f"insert into {typed(feed)} select {names}, {quoted(file.source.name)}, "
                f"{quoted(file.label)}, {LINE}, {number} from ({rows.cast}) where not _refused"
            )
            good = self.number(f"select count(*) from {typed(feed)} where _file = {number}")
            if good < kept:
                refused = refused_sql(rows, self.tables[number], file.spec, feed)
                self.connection.execute(f"insert into refused select {number}, * from ({refused})")

    def _settle_duplicates(self, group: Group) -> None:
        rows = typed(group.feed)
        key = ", ".join(group.feed.key)
        # Of changes, a later file replaces what an earlier one says: only one file may not repeat.
        within = f"{key}, _source_file" if group.mode == "upsert" else key
        own = f"_source = {quoted(group.source.name)}"
        # Hashes first: on a big feed they take a fraction of the memory of the keys.
        self.connection.execute(
            f"create or replace temp table suspicious as select hash({within}) as key_hash "
            f"from {rows} where {own} group by key_hash having count(*) > 1"
        )
        if not self.number("select count(*) from suspicious"):
            return
        policy = group.files[0].spec.feeds[group.feed.name].on_duplicate_key
        loses = "place < places" if policy == "last" else "place > 1"
        shown = " || ', ' || ".join(
            f"'{name} ' || coalesce(cast({name} as varchar), '(empty)')" for name in group.feed.key
        )
        self.connection.execute(
            "create or replace temp table doubled as select * from (select _file, _source_row, "
            f"{shown} as key_text, row_number() over in_order as place, "
            f"count(*) over (partition by {within}) as places, "
            "first_value(_source_file || ': line ' || _source_row) over in_order as first_place "
            f"from {rows} where {own} and hash({within}) in (select key_hash from suspicious) "
            f"window in_order as (partition by {within} order by _file, _source_row)) where {loses}"
        )
        if policy == "refuse":
            batched = self.batched
            for (number,) in self.connection.execute(
                "select distinct _file from doubled order by _file"
            ).fetchall():
                table, spec = self.tables[number], self.files[number].spec
                line = f"_source_row + {number << FILE_SHIFT if number in batched else 0}"
                self.connection.execute(
                    f"insert into refused select {number}, _source_row, {quoted(key)}, "
                    f"{row_text(table, spec, table.name)}, "
                    "'has the same key as ' || first_place || ' (' || key_text || ')', "
                    f"{quoted(group.feed.name)} from doubled join {table.name} "
                    f"on {LINE} = {line} where _file = {number}"
                )
        else:
            self.connection.execute("insert into merged select _file, _source_row from doubled")
        self.connection.execute(
            f"delete from {rows} using doubled where {rows}._file = doubled._file "
            f"and {rows}._source_row = doubled._source_row"
        )


def typed(feed: Feed) -> str:
    """Name of the table with the accepted rows of a feed."""
    return f"typed_{feed.name}"
