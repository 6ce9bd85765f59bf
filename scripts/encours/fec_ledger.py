"""From the lines of a FEC to the feeds: what each line on a customer account is (ADR 0017).

An entry says by its other accounts what its customer lines are. Every line becomes one item, or
parts of it do, so that the items add up to the customer accounts on every day.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb

from encours.delivery import Delivered
from encours.errors import DataError
from encours.fec import parsed_sql
from encours.fec_letters import Groups, Line, Matches, Origins, Piece, repeats, settle
from encours.lake import quoted
from encours.readers import LINE, Table, row_text
from encours.sources import FEC_FEEDS, FileSpec

OPENING_CODES = ("AN", "ANO", "ANOUV", "AN1", "A-N", "A.N", "A.N.", "RAN", "A NOUVEAUX")
OPENING_NAMES = "nouveau|reouverture|bilan d'ouverture"
BOUNCED = "impay|rejet|retour"
_SIREN = re.compile("^[0-9]{9}")
_BATCH = 50_000


@dataclass(frozen=True)
class Member:
    """One file of a ledger: its place in the delivery and its table."""

    number: int
    file: Delivered
    table: Table


def build_feeds(
    connection: duckdb.DuckDBPyConnection, folder: Path, members: Sequence[Member]
) -> None:
    """Turn the files of one entry of a source into views of text columns, one per file and feed.

    Args:
        connection: Scratch database that holds their tables and the table `refused`.
        folder: Folder it may read from; written to for the time of the call.
        members: All files of the entry; together they are one history for each entity.

    Raises:
        DataError: Years overlap, or one does not open with what the one before closed with.
    """
    ledger = _Ledger(connection, folder, members)
    ledger.read_lines()
    ledger.find_entries()
    ledger.order_files()
    ledger.classify()
    ledger.match()
    ledger.number_documents()
    ledger.write_feeds()


def view_name(number: int, feed: str) -> str:
    """Name of the view with the rows that a file gives to a feed."""
    return f"fec_{number}_{feed}"


class _Ledger:
    def __init__(
        self, connection: duckdb.DuckDBPyConnection, folder: Path, members: Sequence[Member]
    ) -> None:
        self.connection = connection
        self.folder = folder
        self.members = members
        self.spec: FileSpec = members[0].file.spec
        self.schema = f"fec_{members[0].number}"
        self.labels = {member.number: member.file.label for member in members}
        connection.execute(f"create schema {self.schema}")

    def run(self, sql: str) -> duckdb.DuckDBPyConnection:
        """Execute SQL in which {s} is the schema of the ledger."""
        return self.connection.execute(sql.replace("{s}", self.schema))

    def table(self, name: str, sql: str) -> None:
        """Create a table of the ledger."""
        self.run(f"create table {{s}}.{name} as {sql}")

    def read_lines(self) -> None:
        """Cast the lines of all files; what does not cast is refused."""
        accounts = "^(" + "|".join(self.spec.customer_accounts) + ")"
        plain_name = "lower(strip_accents(coalesce(journal_name, '')))"
        if self.spec.opening_journals:
            listed = ", ".join(quoted(code.upper()) for code in self.spec.opening_journals)
            is_opening = f"upper(journal) in ({listed})"
        else:
            listed = ", ".join(map(quoted, OPENING_CODES))
            is_opening = (
                f"(upper(journal) in ({listed}) or regexp_matches({plain_name}, "
                f"{quoted(OPENING_NAMES)}))"
            )
        for place, member in enumerate(self.members):
            rows = (
                f"select cast({member.number} as integer) as file, {quoted(self.entity(member))} "
                "as entity, line, journal, number, day, account, account_name, auxiliary, "
                "auxiliary_name, piece, piece_day, label, amount, letter, letter_day, "
                f"regexp_matches(account, {quoted(accounts)}) as is_customer, "
                f"{is_opening} as is_opening, reason from ({parsed_sql(member.table)}) "
                "where reason is not null or amount <> 0"
            )
            self.run(
                f"insert into {{s}}.lines {rows}"
                if place
                else f"create table {{s}}.lines as {rows}"
            )
            # Few are refused, if any: the texts of all rows are not joined for nothing.
            refused = f"from {{s}}.lines where file = {member.number} and reason is not null"
            if self.run(f"select 1 {refused} limit 1").fetchone():
                texts = row_text(member.table, self.spec, "raw")
                self.run(
                    f"insert into refused select {member.number}, line, null, {texts}, reason, "
                    f"null from (select line, reason {refused}) as refused "
                    f"join {member.table.name} as raw on raw.{LINE} = line"
                )
        self.run("delete from {s}.lines where reason is not null")
        self.run("alter table {s}.lines drop column reason")

    def entity(self, member: Member) -> str:
        """Code of the entity: given, else the SIREN that the name of the file begins with."""
        if self.spec.entity_code:
            return self.spec.entity_code
        found = _SIREN.match(member.file.path.name)
        if not found:
            raise DataError(
                f"{member.file.label}: the name does not begin with a SIREN of nine digits, so the "
                "entity is not known. Set entity_code in the source YAML."
            )
        return found[0]

    def find_entries(self) -> None:
        """Find the lines that make an entry, and cut it where its lines add up to nothing."""
        self.table(
            "journals",
            "select file, journal, count(distinct number) <= 1 "
            "and count(distinct (day, piece)) > 1 as is_useless "
            "from {s}.lines group by file, journal",
        )
        self.table(
            "keys",
            """
            with keyed as (
                select
                    kept.file, line, amount,
                    is_useless or coalesce(trim(number, '0'), '') = '' as is_useless,
                    hash(kept.file, kept.journal, day, number) as by_day,
                    hash(kept.file, kept.journal, number) as by_number,
                    hash(kept.file, kept.journal, day, piece, 'piece') as by_piece,
                    hash(kept.file, kept.journal, day) as by_journal
                from {s}.lines as kept
                join {s}.journals as journals
                    on kept.file = journals.file and kept.journal = journals.journal
            ),
            summed as (
                select *,
                    sum(amount) over (partition by by_day) as day_sum,
                    sum(amount) over (partition by by_number) as number_sum,
                    sum(amount) over (partition by by_piece) as piece_sum,
                    sum(amount) over (partition by by_journal) as journal_sum
                from keyed
            )
            select
                file, line,
                case
                    when not is_useless and day_sum = 0 then by_day
                    when not is_useless and number_sum = 0 then by_number
                    when piece_sum = 0 then by_piece
                    when journal_sum = 0 then by_journal
                    when is_useless then by_piece
                    else by_day
                end as entry
            from summed
            """,
        )
        self.table(
            "marked",
            """
            with entries as (
                select
                    entry,
                    bool_or(account like '890%') as is_opened,
                    bool_or(account like '891%') as is_closed,
                    bool_or(account like '12%') and not bool_or(kept.is_opening) as is_result,
                    bool_or(is_customer) as has_customer
                from {s}.lines as kept
                join {s}.keys as keys on kept.file = keys.file and kept.line = keys.line
                group by entry
            )
            select
                kept.* replace (
                    kept.is_opening or is_opened as is_opening
                ),
                keys.entry, has_customer, is_result,
                coalesce(auxiliary, account) as customer
            from {s}.lines as kept
            join {s}.keys as keys on kept.file = keys.file and kept.line = keys.line
            join entries on keys.entry = entries.entry
            -- Closing the balance sheet account by account undoes nothing that customers owe.
            where not is_closed
            """,
        )
        for name in ("lines", "keys", "journals"):
            self.run(f"drop table {{s}}.{name}")

    def order_files(self) -> None:
        """Put the years in order; each opens with what the one before closed with."""
        self.table(
            "files",
            "select *, row_number() over by_day as place, lag(last_day) over by_day as day_before, "
            "lag(file) over by_day as file_before, sum(cast(has_opening as integer)) over by_day "
            "as exercise from (select entity, file, min(day) as first_day, max(day) as last_day, "
            "bool_or(is_opening) as has_opening, coalesce(sum(amount) filter (where is_customer "
            "and is_opening), 0) as opening  "
            "from {s}.marked group by entity, file) window by_day as (partition by entity "
            "order by first_day, file)",
        )
        for entity, file, first, last, before in self.run(
            "select entity, file, first_day, day_before, file_before from {s}.files "
            "where first_day <= day_before"
        ).fetchall():
            raise DataError(
                f"{self.labels[file]}: begins on {first}, but {self.labels[before]} of entity "
                f"{entity} goes on until {last}. Deliver every period once."
            )
        self.table(
            "kept",
            "select marked.*, files.place, files.exercise, marked.is_opening and files.place > 1 "
            "as is_repeat from {s}.marked as marked join {s}.files as files "
            "on marked.file = files.file",
        )
        self.run("drop table {s}.marked")
        for file, opening, closing, before in self.run(
            "select files.file, files.opening, closing.amount, files.file_before from {s}.files "
            "as files join (select files.file, coalesce(sum(kept.amount), 0) as amount from "
            "{s}.files as files left join (select kept.* from {s}.kept as kept where is_customer "
            "and not is_repeat) as kept on kept.entity = files.entity and kept.place < files.place "
            "group by files.file) as closing on closing.file = files.file "
            "where files.place > 1 and files.has_opening and files.opening <> closing.amount "
            "order by files.file"
        ).fetchall():
            raise DataError(
                f"{self.labels[file]}: opens with {opening} on the customer accounts, but "
                f"{self.labels[before]} closes with {closing}. Deliver the final export of both "
                "years, and those between."
            )

    def classify(self) -> None:
        """Say what every customer line is, by what stands against it in its entry."""
        self.table(
            "parts",
            """
            select * exclude (running),
                sum(cast(running = amount as integer)) over in_order as part
            from (
                select file, line, entry, account, amount, is_customer,
                    sum(amount) over in_order as running
                from {s}.kept
                where has_customer and not is_opening
                window in_order as (partition by entry order by line)
            )
            window in_order as (partition by entry order by line)
            """,
        )
        self.table(
            "pools",
            """
            with natures as (
                select entry, part,
                    case
                        when account like '654%' or account like '658%' or account like '6714%'
                            then 'loss'
                        when account like '665%' then 'discount'
                        when account like '44%' then 'vat'
                        when regexp_matches(account, '^(7[0-4]|487)') then 'sale'
                        when account like '7%' then 'income'
                        when regexp_matches(account, '^(5[01348]|627|66)') then 'cash'
                        else 'other'
                    end as nature,
                    sum(amount) as amount
                from {s}.parts
                where not is_customer
                group by entry, part, nature
            ),
            -- Tax goes with what is taxed.
            taxed as (
                select natures.entry, natures.part,
                    case when nature = 'vat' then coalesce(hosts.host, 'sale') else nature end
                        as nature,
                    amount
                from natures
                left join (
                    select vat.entry, vat.part, min_by(bases.nature,
                        list_position(['sale', 'loss', 'discount', 'income', 'other', 'cash'],
                            bases.nature)) as host
                    from natures as vat
                    join natures as bases
                        on vat.entry = bases.entry and vat.part = bases.part
                        and bases.nature <> 'vat' and sign(vat.amount) = sign(bases.amount)
                    where vat.nature = 'vat'
                    group by vat.entry, vat.part
                ) as hosts
                    on natures.entry = hosts.entry and natures.part = hosts.part
            ),
            summed as (
                select entry, part, nature, sum(amount) as amount
                from taxed group by entry, part, nature having sum(amount) <> 0
            ),
            placed as (
                select entry, part, nature, -cast(sign(amount) as integer) as side,
                    abs(amount) as size,
                    sum(abs(amount)) over (
                        partition by entry, part, sign(amount)
                        order by list_position(
                            ['sale', 'cash', 'loss', 'discount', 'income', 'other'], nature)
                    ) as until
                from summed
            )
            select entry, part, nature, side, until - size as since, until from placed
            """,
        )
        self.table(
            "drafts",
            """
            with lines as (
                select file, line, entry, part, cast(sign(amount) as integer) as side,
                    abs(amount) as size,
                    sum(abs(amount)) over (
                        partition by entry, part, sign(amount) order by line
                    ) as until,
                    count(*) over (partition by entry, part, sign(amount)) as line_count
                from {s}.parts where is_customer
            ),
            -- What no other account explains stands against other customer lines.
            pools as (
                select * from {s}.pools
                union all
                select lines.entry, lines.part, 'transfer', lines.side,
                    coalesce(max(pools.until), 0), 1000000000000000.00
                from (select distinct entry, part, side from lines) as lines
                left join {s}.pools as pools on lines.entry = pools.entry
                    and lines.part = pools.part and lines.side = pools.side
                group by lines.entry, lines.part, lines.side
            )
            select lines.file, lines.line, lines.entry, lines.part, lines.side, pools.nature,
                lines.line_count > 1
                and least(lines.until, pools.until) - greatest(lines.until - size, since) < size
                    as is_cut,
                cast(lines.side * (
                    least(lines.until, pools.until) - greatest(lines.until - size, since)
                ) as decimal(18, 2)) as amount
            from lines
            join pools on lines.entry = pools.entry and lines.part = pools.part
                and lines.side = pools.side
                and lines.until - size < pools.until and lines.until > since
            """,
        )
        self.table(
            "items",
            """
            with sums as (
                select *,
                    sum(amount) filter (where nature = 'transfer')
                        over (partition by drafts.entry, part) as transferred
                from {s}.drafts as drafts
            ),
            rows as (
                select
                    marked.*, sums.part, sums.nature, sums.is_cut,
                    sums.amount as part_amount,
                    sums.nature = 'transfer' and transferred <> 0 as is_unbalanced,
                    sums.nature = 'transfer' and transferred = 0 and sum(sums.amount) over (
                        partition by marked.entry, sums.part, sums.nature, customer, day
                    ) = 0 as vanishes
                from sums
                join {s}.kept as marked on sums.file = marked.file and sums.line = marked.line
                union all by name
                select *, amount as part_amount, 'opening' as nature, false as is_cut,
                    false as is_unbalanced, is_repeat as vanishes, 0 as part
                from {s}.kept
                where is_customer and is_opening
            )
            select
                row_number() over (order by rows.place, rows.entity, line, nature) as id,
                rows.* exclude (amount, part_amount, account_name, auxiliary_name,
                    auxiliary, is_customer, is_opening, is_result, has_customer),
                abs(part_amount) as amount,
                part_amount as signed_amount,
                case
                    when vanishes then 'nothing'
                    when nature = 'opening' or (nature = 'transfer' and not is_unbalanced)
                        then if(part_amount > 0, 'opening', 'opening_credit')
                    when part_amount > 0
                        then case nature when 'sale' then 'invoice' when 'cash' then 'refund'
                            when 'discount' then 'discount_back' else 'debit_note' end
                    else case nature when 'sale' then 'credit_note' when 'income' then 'credit_note'
                        when 'cash' then 'receipt' when 'loss' then 'loss'
                        when 'discount' then 'discount' else 'od' end
                end as kind,
                if(letter is null, hash(rows.file, line, 'line'),
                    hash(rows.entity, exercise, account, customer, letter)) as node
            from rows
            """,
        )
        self.run("drop table {s}.drafts")
        self.run("drop table {s}.pools")
        self.run("drop table {s}.parts")

    def match(self) -> None:
        """Follow the letters from account to account and year to year, and settle each group."""
        groups = Groups()
        for (nodes,) in self.run(
            "select list(distinct node) from {s}.items where nature = 'transfer' and vanishes "
            "group by entry, part, customer, day having count(distinct node) > 1"
        ).fetchall():
            for node in nodes[1:]:
                groups.join(nodes[0], node)
        # A loss that is not lettered is that of the one open document of its reference.
        for first, second in self.run(
            "select loss.node, any_value(document.node) from {s}.items as loss join {s}.items as "
            "document on loss.entity = document.entity and loss.customer = document.customer "
            "and loss.piece = document.piece and document.kind in ('invoice', 'debit_note', "
            "'opening') and document.letter is null and document.amount >= loss.amount "
            "and document.day <= loss.day where loss.kind in ('loss', 'discount') "
            "and loss.letter is null group by loss.node having count(*) = 1"
        ).fetchall():
            groups.join(first, second)
        origins = Origins(groups)
        lost = [item for place in self._repeated_years() for item in self._repeats(place, origins)]
        self._write("letter_days", "id bigint, day date", origins.letter_days.items())
        self._write("lost", "file integer, line bigint", ((item.file, item.line) for item in lost))
        self._write(
            "roots",
            "node ubigint, root ubigint",
            ((node, groups.root(node)) for node in list(groups.parent)),
        )
        known = {
            receipt: (undoing, day)
            for receipt, undoing, day in self.run(
                "select max(receipt.id), refund.id, refund.day from {s}.items as refund "
                "join {s}.items as receipt on refund.entity = receipt.entity "
                "and refund.customer = receipt.customer and refund.amount = receipt.amount "
                "and receipt.kind = 'receipt' and receipt.day <= refund.day "
                "where refund.kind = 'refund' and refund.letter is null and regexp_matches("
                f"lower(strip_accents(coalesce(refund.label, ''))), {quoted(BOUNCED)}) "
                "group by refund.id, refund.day having count(*) = 1 order by refund.id"
            ).fetchall()
        }
        found = Matches()
        found.reversals += [(receipt, *undoing) for receipt, undoing in known.items()]
        undoing = {number for number, _ in known.values()}
        for last_day, group in self._groups():
            settle(group, known, undoing, last_day, found)
        self._write(
            "matches",
            "origin bigint, target bigint, cents bigint, day date",
            ((row.origin, row.target, row.amount, row.day) for row in found.matches),
        )
        self._write("reversals", "receipt bigint, undoing bigint, day date", found.reversals)
        self._write("taken_back", "id bigint, undoing bigint, receipt bigint", found.taken_back)
        self._write("losses_left", "id bigint, cents bigint", found.losses_left)

    def _repeated_years(self) -> list[tuple[str, int]]:
        return self.run(
            "select entity, exercise from {s}.items where is_repeat group by all order by all"
        ).fetchall()

    def _repeats(self, year: tuple[str, int], origins: Origins) -> list[Line]:
        columns = (
            "select id, customer, cast(signed_amount * 100 as bigint), piece, piece_day, node, "
            "letter_day, letter is not null, file, line from {s}.items "
        )
        entity, exercise = quoted(year[0]), year[1]
        opening = self.run(
            f"{columns} where entity = {entity} and exercise = {exercise} and is_repeat order by id"
        ).fetchall()
        before = f"entity = {entity} and exercise = {exercise - 1}"
        open_lines = self.run(
            f"{columns} where {before} and node in (select node from {{s}}.items where {before} "
            "group by node having sum(signed_amount) <> 0) order by id"
        ).fetchall()
        return repeats((Line(*row) for row in opening), (Line(*row) for row in open_lines), origins)

    def _groups(self) -> Iterator[tuple[date, list[Piece]]]:
        """Yield the groups that hold both sides, each with the last day of its ledger."""
        cursor = self.connection.cursor()
        cursor.execute(
            """
            with rooted as (
                select items.* replace (coalesce(letter_day, letter_days.day) as letter_day),
                    coalesce(root, items.node) as root, last_day
                from {s}.items as items
                left join {s}.letter_days as letter_days on items.id = letter_days.id
                left join {s}.roots as roots on items.node = roots.node
                join (select entity, max(last_day) as last_day from {s}.files group by entity)
                    as files on items.entity = files.entity
                where kind <> 'nothing'
            )
            select root, id, kind, day, cast(amount * 100 as bigint), letter_day, customer, last_day
            from (
                select *, count(*) over (partition by root) as pieces,
                    bool_or(kind in ('loss', 'discount')) over (partition by root) as has_loss
                from rooted
            )
            where pieces > 1 or has_loss
            order by root, day, id
            """.replace("{s}", self.schema)
        )
        for _, rows in groupby(_rows(cursor), key=lambda row: row[0]):
            members = list(rows)
            yield members[0][7], [Piece(*row[1:7]) for row in members]

    def _write(self, name: str, columns: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Put rows in a table by way of a file: much faster than one by one."""
        path = self.folder / f"{self.schema}_{name}.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows(rows)
        types = ", ".join(
            f"'{column.split()[0]}': '{column.split()[1]}'" for column in columns.split(", ")
        )
        self.table(
            name,
            f"select * from read_csv({quoted(str(path.resolve()))}, columns = {{{types}}}, "
            "header = false, auto_detect = false, delim = ',', new_line = '\\n')",
        )
        path.unlink()

    def number_documents(self) -> None:
        """Give each item its number: the reference of the piece, where that is a number."""
        self.table(
            "settled",
            """
            select items.* replace (
                    case when kind <> 'discount_back' then kind
                        when undone.undoing is null then 'debit_note' else 'nothing' end as kind
                ),
                reversals.day as reversed_on,
                bounced.receipt is not null as undoes,
                cast(losses_left.cents / 100 as decimal(18, 2)) as loss_left,
                lapsed.receipt as lapses_with,
                concat_ws('/', journal, number, strftime(items.day, '%Y%m%d'),
                    cast(line as varchar) || if(cut > 1, '.' || cast(cut as varchar), ''))
                    as entry_line
            from (
                select *, row_number() over (partition by file, line order by id) as cut
                from {s}.items
            ) as items
            left join {s}.reversals as reversals on items.id = reversals.receipt
            left join {s}.reversals as bounced on items.id = bounced.undoing
            left join {s}.taken_back as lapsed on items.id = lapsed.id
            left join {s}.taken_back as undone on items.id = undone.undoing
            left join {s}.losses_left as losses_left
                on items.id = losses_left.id and losses_left.cents > 0
            """,
        )
        self.table(
            "numbered",
            """
            with told as (
                select *,
                    kind in ('invoice', 'debit_note', 'credit_note', 'opening', 'opening_credit')
                        as is_document,
                    kind in ('receipt', 'refund', 'od') and not undoes or loss_left is not null
                        as is_receipt
                from {s}.settled
            ),
            -- What a customer pays in one entry under one reference is one receipt.
            whole as (
                select *,
                    if(kind = 'receipt' and piece is not null, first_value(entry_line) over (
                        partition by entry, part, customer, day, piece, label, kind, reversed_on
                        order by id
                    ), entry_line) as receipt_line
                from told
            ),
            documents as (
                select entity, place, piece, count(*) as documents,
                    min(place) over (partition by entity, piece) as first_place
                from whole where is_document and piece is not null
                group by entity, place, piece
            ),
            receipts as (
                select entity, place, piece, count(distinct receipt_line) as receipts,
                    min(place) over (partition by entity, piece) as first_place
                from whole where is_receipt and piece is not null
                group by entity, place, piece
            )
            select whole.*,
                if(documents.documents = 1 and documents.place = documents.first_place,
                    whole.piece, concat_ws('/', whole.piece, entry_line)) as document_number,
                if(receipts.receipts = 1 and receipts.place = receipts.first_place
                    and not exists (select 1 from documents as named
                        where named.entity = whole.entity and named.piece = whole.piece),
                    whole.piece, receipt_line) as receipt_number
            from whole
            left join documents on whole.entity = documents.entity
                and whole.place = documents.place and whole.piece = documents.piece
            left join receipts on whole.entity = receipts.entity
                and whole.place = receipts.place and whole.piece = receipts.piece
            """,
        )
        self.run("drop table {s}.items")
        self.run("drop table {s}.settled")

    def write_feeds(self) -> None:
        """Write the rows of every feed as text, and a view of them for every file."""
        for feed, sql in self._feeds():
            self.table(f"feed_{feed}", sql)
            columns = ", ".join(
                f"cast({name} as varchar) as {name}" for name in FEC_FEEDS[feed].split()
            )
            for member in self.members:
                self.run(
                    f"create view {view_name(member.number, feed)} as select line as {LINE}, "
                    f"{columns} from {{s}}.feed_{feed} where file = {member.number}"
                )

    def _feeds(self) -> Iterator[tuple[str, str]]:
        terms = "case customer " + " ".join(
            f"when {quoted(code)} then {quoted(text)}"
            for code, text in self.spec.payment_terms_by_customer.items()
        )
        default = quoted(self.spec.payment_terms)
        terms = f"{terms} else {default} end" if self.spec.payment_terms_by_customer else default
        currency = quoted(self.spec.currency_code)
        yield (
            "customers",
            "select max_by(file, (place, line)) as file, max_by(line, (place, line)) as line, "
            "entity as entity_code, customer as customer_code, max_by(coalesce(auxiliary_name, "
            f"account_name), (place, line)) as customer_name, {terms} as payment_terms, "
            "coalesce(sum(amount) filter (where account like '416%' and not is_repeat), 0) <> 0 "
            "as is_doubtful from {s}.kept where is_customer group by entity, customer",
        )
        yield (
            "invoices",
            f"""
            select file, line, entity as entity_code, document_number as invoice_number,
                customer as customer_code,
                if(kind in ('opening', 'opening_credit') and piece_day <= day, piece_day, day)
                    as issue_date,
                if(kind = 'opening_credit', -amount, amount) as gross_amount,
                {currency} as currency_code,
                if(kind = 'opening_credit', 'opening', kind) as document_type,
                if(kind in ('invoice', 'debit_note', 'opening'), {terms}, null) as payment_terms,
                if(kind in ('opening', 'opening_credit'), day, null) as opening_date
            from {{s}}.numbered
            where kind in ('invoice', 'debit_note', 'credit_note', 'opening', 'opening_credit')
            """,
        )
        yield (
            "receipts",
            f"""
            select min(file) as file, min(line) as line, entity as entity_code,
                receipt_number as receipt_id, any_value(customer) as customer_code,
                any_value(day) as receipt_date,
                sum(case when kind = 'refund' then -amount else coalesce(loss_left, amount) end)
                    as amount,
                {currency} as currency_code,
                any_value(if(kind in ('receipt', 'refund'), kind, 'od')) as method,
                any_value(label) as reference, any_value(reversed_on) as reversed_on
            from {{s}}.numbered
            where is_receipt
            group by entity, receipt_number
            """,
        )
        matched = (
            "from {s}.matches as matches join {s}.numbered as origin on matches.origin = origin.id "
            "join {s}.numbered as target on matches.target = target.id "
            "left join {s}.numbered as bounced on origin.lapses_with = bounced.id"
        )
        yield (
            "allocations",
            f"""
            select origin.file, origin.line, origin.entity as entity_code,
                origin.entry_line || '>' || target.entry_line || if(count(*) over same > 1,
                    '#' || cast(row_number() over same as varchar), '') as allocation_id,
                target.document_number as invoice_number,
                cast(cents / 100 as decimal(18, 2)) as amount,
                if(origin.kind = 'discount', origin.day, matches.day) as allocation_date,
                case when origin.kind = 'discount' then 'discount'
                    when origin.kind in ('credit_note', 'opening_credit') then 'credit_note'
                    else 'receipt' end as kind,
                if(origin.kind in ('receipt', 'refund', 'od'), origin.receipt_number,
                    bounced.receipt_number) as receipt_id,
                if(origin.kind in ('credit_note', 'opening_credit'), origin.document_number, null)
                    as credit_note_number
            {matched} where origin.kind <> 'loss'
            window same as (partition by origin.id, target.id)
            """,
        )
        yield (
            "write_offs",
            "select origin.file, origin.line, origin.entity as entity_code, origin.entry_line || "
            "'>' || target.entry_line as write_off_id, target.document_number as invoice_number, "
            "origin.day as write_off_date, cast(cents / 100 as decimal(18, 2)) as amount, "
            f"origin.label as reason_code {matched} where origin.kind = 'loss'",
        )
        self._find_provisions()
        yield (
            "provisions",
            "select max_by(file, line) as file, max(line) as line, entity as entity_code, customer "
            "as customer_code, day as provision_date, -last(stock order by line) as "
            "provision_amount from (select *, sum(amount) over (partition by entity, customer "
            "order by day, line) as stock from {s}.provisions) group by entity, customer, day",
        )
        self._find_months()
        yield ("financials", _FINANCIALS)
        yield (
            "control_balances",
            "select months.file, months.line, months.entity as entity_code, last_day(month) as "
            "balance_date, sum(coalesce(owed.amount, 0)) over (partition by months.entity order by "
            "month) as balance_amount from {s}.months as months left join (select entity, "
            "date_trunc('month', day) as month, sum(amount) as amount from {s}.kept "
            "where is_customer and not is_repeat group by all) as owed "
            "using (entity, month)",
        )
        yield ("reading_issues", _ISSUES)

    def _find_provisions(self) -> None:
        """Whose a provision on 491 is: by auxiliary, by account, or the only doubtful one."""
        self.table(
            "provisions",
            """
            with accounts as (
                select entity, rtrim(substr(account, 4), '0') as ending,
                    min(customer) as customer
                from {s}.kept where is_customer
                group by entity, ending having count(distinct customer) = 1
            ),
            doubtful as (
                select entity, min(customer) as customer
                from {s}.kept where is_customer and account like '416%'
                group by entity having count(distinct customer) = 1
            )
            select kept.* exclude (customer),
                coalesce(kept.auxiliary, accounts.customer, doubtful.customer) is null as is_lost,
                coalesce(kept.auxiliary, accounts.customer, doubtful.customer, account) as customer
            from {s}.kept as kept
            left join accounts on kept.entity = accounts.entity and accounts.ending <> ''
                and rtrim(substr(kept.account, 4), '0') = accounts.ending
            left join doubtful on kept.entity = doubtful.entity
            where kept.account like '491%' and not kept.is_repeat
            """,
        )

    def _find_months(self) -> None:
        """Every month of the history, with the last line of it or of an earlier one."""
        self.table(
            "months",
            """
            with bounds as (
                select entity, date_trunc('month', min(day)) as first_month,
                    date_trunc('month', max(day)) as last_month
                from {s}.kept group by entity
            ),
            all_months as (
                select entity, cast(unnest(generate_series(first_month, last_month,
                    interval 1 month)) as date) as month
                from bounds
            ),
            lines as (
                select entity, cast(date_trunc('month', day) as date) as month,
                    max_by(file, (day, line)) as file, max_by(line, (day, line)) as line
                from {s}.kept group by all
            )
            select all_months.entity, all_months.month,
                last_value(file ignore nulls) over in_order as file,
                last_value(line ignore nulls) over in_order as line
            from all_months
            left join lines using (entity, month)
            window in_order as (partition by all_months.entity order by all_months.month)
            """,
        )


def _rows(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while batch := cursor.fetchmany(_BATCH):
        yield from batch


# Purchases carry the tax of their entry, in proportion where the entry also buys other things.
_FINANCIALS = """
with lines as (
    select *, cast(date_trunc('month', day) as date) as month
    from {s}.kept where not is_repeat
),
bought as (
    select entity, month, entry,
        sum(amount) filter (where account like '60%' and account not like '603%') as goods,
        sum(amount) filter (where account like '4456%') as tax,
        sum(amount) filter (where regexp_matches(account, '^[26]') and account not like '603%')
            as base
    from lines where not is_opening and not is_result
    group by entity, month, entry
),
purchases as (
    select entity, month,
        sum(goods + coalesce(if(base <> 0, cast(cast(tax as double) * cast(goods as double)
            / cast(base as double) as decimal(18, 2)), 0), 0)) as purchases
    from bought where goods is not null
    group by entity, month
),
flows as (
    select entity, month,
        coalesce(sum(amount) filter (where account like '60%'), 0) as cost,
        -coalesce(sum(amount) filter (where regexp_matches(account, '^(6[0-4]|7[0-4])')), 0)
            as ebitda,
        coalesce(sum(amount) filter (where regexp_matches(account, '^5[1348]')), 0) as cash
    from lines where not is_opening and not is_result
    group by entity, month
),
stocks as (
    select entity, month,
        coalesce(sum(amount) filter (where account like '3%'), 0) as inventory,
        -coalesce(sum(amount) filter (where regexp_matches(account, '^40[13]')), 0) as payables
    from lines group by entity, month
),
monthly as (
    select months.file, months.line, months.entity, months.month,
        coalesce(cost, 0) as cost, coalesce(purchases, 0) as purchases,
        sum(coalesce(inventory, 0)) over in_order as inventory,
        sum(coalesce(payables, 0)) over in_order as payables,
        coalesce(ebitda, 0) as ebitda, coalesce(cash, 0) as cash
    from {s}.months as months
    left join purchases using (entity, month)
    left join flows using (entity, month)
    left join stocks using (entity, month)
    window in_order as (partition by months.entity order by months.month)
),
-- What the first year opens with is what the month before it ended with.
before as (
    select min(file) as file, min(line) as line, entity,
        cast(min(month) - interval 1 month as date) as month,
        coalesce(sum(amount) filter (where account like '3%'), 0) as inventory,
        -coalesce(sum(amount) filter (where regexp_matches(account, '^40[13]')), 0) as payables
    from lines where is_opening
    group by entity
)
select file, line, entity as entity_code, month as period_month, cost as cost_of_goods_sold,
    purchases as purchases_amount, inventory as inventory_amount, payables as payables_amount,
    ebitda as ebitda_amount, cash as cash_flow_amount
from monthly
union all
select file, line, entity, month, null, null, inventory, payables, null, null from before
"""

_ISSUES = """
with found as (
    select *, 'fec_entry_unbalanced' as code, 'warning' as severity,
        'The entry does not balance, so nothing says what this line is; taken as '
        || if(signed_amount > 0, 'a debit note.', 'a receipt that is not allocated.') as words
    from {s}.numbered where is_unbalanced
    union all by name
    select *, 'fec_counterpart_unclear' as code, 'warning' as severity,
        'Stands against accounts that are neither revenue, money nor loss; taken as '
        || if(signed_amount > 0, 'a debit note.', 'a receipt that is not allocated.') as words
    from {s}.numbered
    where not is_unbalanced and (
        kind = 'od' or (kind = 'debit_note' and nature in ('other', 'loss', 'discount')))
    union all by name
    select *, 'fec_split_by_order' as code, 'warning' as severity,
        'Several customer lines stand against several kinds of accounts; '
        || cast(signed_amount as varchar) || ' of this line was taken as ' || kind
        || ', in the order of the lines.' as words
    from {s}.numbered where is_cut and not is_unbalanced
    union all by name
    select *, 'fec_loss_without_invoice' as code, 'warning' as severity,
        cast(loss_left as varchar) || ' of this loss or discount names no document by its '
        || 'letter or reference; kept as a credit that is not allocated.' as words
    from {s}.numbered where loss_left is not null
    union all by name
    select numbered.*, 'fec_opening_not_found' as code, 'warning' as severity,
        'This opening line repeats no single item of the year before; what its letter settles '
        || 'stays unallocated.' as words
    from {s}.numbered as numbered
    join {s}.lost as lost on numbered.file = lost.file and numbered.line = lost.line
    union all by name
    select * from (
        select *, 'fec_letter_unbalanced' as code, 'info' as severity,
            'Letter ' || letter || ' of customer ' || customer || ' on ' || account
            || ' does not balance within the files: '
            || cast(sum(signed_amount) over (partition by node) as varchar)
            || ' stays open; matched to the cent first, then oldest first.' as words
        from {s}.numbered where letter is not null
        qualify sum(signed_amount) over (partition by node) <> 0
            and row_number() over (partition by node order by id) = 1
    )
)
select file, line, entity as entity_code, code || '/' || entry_line as issue_id,
    code as issue_code, severity, 'fec' as feed, entry_line as record_key, words as description
from found
union all
select file, line, entity, 'fec_provision_without_customer/' || concat_ws('/', journal, number,
    strftime(day, '%Y%m%d'), cast(line as varchar)), 'fec_provision_without_customer', 'warning',
    'provisions', concat_ws('/', journal, number, strftime(day, '%Y%m%d'), cast(line as varchar)),
    'Nothing says which customer this provision is for; kept under account ' || account
    || ' and not counted.'
from {s}.provisions where is_lost
"""
