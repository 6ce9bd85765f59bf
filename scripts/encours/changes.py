"""Tables that were read in part: what of them is new, and which keys they no longer have."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from encours.casting import create_view, naming_sql, rows_of
from encours.delivery import Group
from encours.feeds import Feed
from encours.home import Home
from encours.lake import Manifest, current_sql, in_force, quoted
from encours.readers import load_extract
from encours.scratch import Scratch, typed


class RowsMissedError(Exception):
    """A table has keys that neither the lake nor its latest changes have: read all of it."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.source = source


def lake_files(home: Home, loads: Sequence[Manifest], groups: Sequence[Group]) -> list[Path]:
    """Files of the lake with what is known of the feeds that are read in part."""
    wanted = {(group.source.name, group.feed.name) for group in _incremental(groups)}
    counting = {
        (part.load_id, part.feed) for part in in_force(loads) if (part.source, part.feed) in wanted
    }
    return [
        home.path / file.path
        for load in loads
        for file in (*load.raw_files, *load.deleted_files)
        if (load.load_id, file.feed) in counting
    ]


def settle_changes(scratch: Scratch, home: Home, loads: Sequence[Manifest]) -> None:
    """Leave out rows that are as they were loaded, and note the keys that are gone.

    Rows left out count as merged. The keys are put into the tables `deleted_<feed>`.

    Raises:
        RowsMissedError: Rows came or changed further back than the look-back reaches.
    """
    for group in _incremental(scratch.groups):
        known = "known_rows"
        scratch.connection.execute(
            f"create or replace temp table {known} as "
            f"{current_sql(home, group.feed, loads, group.source.name)}"
        )
        _leave_out_unchanged(scratch, group, known)
        scratch.connection.execute(
            f"create table if not exists {deleted(group.feed)} as select {_key(group.feed)}, "
            f"_source from {typed(group.feed)} where false"
        )
        if all(file.spec.incremental and file.spec.incremental.deletions for file in group.files):
            _note_deletions(scratch, group, known)


def has_effect(scratch: Scratch) -> bool:
    """Whether a load would change anything: false if only tables were read, and had nothing new."""
    if len(_incremental(scratch.groups)) < len(scratch.groups):
        return True
    tables = ["refused"]
    for feed in {group.feed.name: group.feed for group in scratch.groups}.values():
        tables += [typed(feed), deleted(feed)]
    return any(scratch.number(f"select count(*) from {table}") for table in tables)


def deleted(feed: Feed) -> str:
    """Name of the table with the keys of a feed that are gone."""
    return f"deleted_{feed.name}"


def deleted_feeds(scratch: Scratch) -> list[Feed]:
    """The feeds of which keys are gone."""
    feeds = {group.feed.name: group.feed for group in _incremental(scratch.groups)}
    return [
        feed for feed in feeds.values() if scratch.number(f"select count(*) from {deleted(feed)}")
    ]


def _incremental(groups: Sequence[Group]) -> list[Group]:
    return [group for group in groups if group.mode == "incremental"]


def _key(feed: Feed) -> str:
    return ", ".join(feed.key)


def _leave_out_unchanged(scratch: Scratch, group: Group, known: str) -> None:
    rows = typed(group.feed)
    same = " and ".join(
        f"{rows}.{column.name} is not distinct from {known}.{column.name}"
        for column in group.feed.columns
    )
    condition = f"{rows}._source = {quoted(group.source.name)} and {same}"
    scratch.connection.execute(
        f"insert into merged select {rows}._file, {rows}._source_row "
        f"from {rows} join {known} on {condition}"
    )
    scratch.connection.execute(f"delete from {rows} using {known} where {condition}")


def _note_deletions(scratch: Scratch, group: Group, known: str) -> None:
    feed, source = group.feed, group.source
    keys_only = replace(
        feed, columns=tuple(column for column in feed.columns if column.is_key), checks=()
    )
    for table in ("present_keys", "read_keys"):
        scratch.connection.execute(
            f"create or replace temp table {table} as select {_key(feed)} from {known} where false"
        )
    for number, file in enumerate(scratch.files):
        if not any(file is member for member in group.files):
            continue
        views = {"read_keys": f"view_{number}", "present_keys": f"view_{number}"}
        keys = file.extract.keys if file.extract else None
        if keys is not None:
            views["present_keys"] = f"keys_view_{number}"
            if keys.path.exists():
                found = load_extract(scratch.connection, keys, f"keys_{number}")
                create_view(scratch.connection, found, file.spec, views["present_keys"])
        for table, view in views.items():
            rows = rows_of(scratch.connection, source, file.entry, keys_only, view)
            with naming_sql(source, file.entry, feed, file.label):
                scratch.connection.execute(
                    f"insert into {table} select {_key(feed)} from ({rows.cast}) where not _refused"
                )
    if scratch.number(
        f"select count(*) from (select * from present_keys except select * from read_keys "
        f"except select {_key(feed)} from {known})"
    ):
        raise RowsMissedError(source.name)
    # A refused row keeps what was loaded of its key before.
    same = " and ".join(
        f"present_keys.{name} is not distinct from {known}.{name}" for name in feed.key
    )
    scratch.connection.execute(
        f"insert into {deleted(feed)} select {_key(feed)}, {quoted(source.name)} from {known} "
        f"where not exists (select 1 from present_keys where {same})"
    )
    count = scratch.number(
        f"select count(*) from {deleted(feed)} where _source = {quoted(source.name)}"
    )
    if count:
        names = ", ".join(file.label for file in group.files)
        scratch.messages.append(
            f"{source.name}: {count:,} {feed.name} that {names} no longer has, deleted from now on."
        )
