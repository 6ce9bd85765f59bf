"""Changed rows: what differs between two states of the lake, and whose figures it can move."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import duckdb

from encours import lake
from encours.feeds import Feed, load_contract
from encours.home import Home
from encours.lake import quoted

_LONG_AGO = "date '0001-01-01'"
_SEGMENTS = {
    "customer_segment": "customers.customer_segment",
    "region": "customers.region",
    "customer_type": "customers.customer_type",
    "industry": "customers.industry_code",
    "collector": "customers.collector_code",
}
# Columns that say when something ended: by themselves they change nothing before that day.
_ENDS = {
    "receipts": "reversed_on",
    "disputes": "closed_on",
    "reminders": "done_on",
    "credit_limits": "valid_to",
    "credit_insurance": "valid_to",
}
_OF_INVOICES = {
    "write_offs": "write_off_date",
    "disputes": "opened_on",
    "reminders": "coalesce(planned_on, done_on)",
    "promises": "made_on",
}
_OF_CUSTOMERS = {
    "credit_limits": "valid_from",
    "credit_insurance": "valid_from",
    "provisions": "provision_date",
    "customers": _LONG_AGO,
}
_OF_ENTITIES = {"collection_costs": "period_month", "financials": "period_month"}
_LOOKED_UP = (
    "invoices",
    "receipts",
    "allocations",
    "customers",
    "credit_limits",
    "credit_insurance",
    "fx_rates",
)
_DIFFERS = "rows_then.{0} is distinct from rows_now.{0}"
_TEXT = (
    "{1} || ' ' || coalesce(cast(rows_then.{0} as varchar), 'empty') || ' -> ' "
    "|| coalesce(cast(rows_now.{0} as varchar), 'empty')"
)


def changed_feeds(home: Home, then: datetime, now: datetime) -> set[str]:
    """Feeds of which other loads are in force now."""
    before, after = (
        {
            (part.feed, part.load_id, part.source)
            for part in lake.in_force(lake.manifests(home, known_at))
        }
        for known_at in (then, now)
    )
    return {feed for feed, _, _ in before ^ after}


def find_changed_rows(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    then: datetime,
    feeds: Sequence[Feed],
    reporting_currency: str,
) -> None:
    """Write the rows that changed since a moment to temporary tables.

    `changes` has each row with what happened to it, `memberships` the entities and segments whose
    figures it can move, and the first day it can; `first_days` the day before which there was
    nothing, then or now. Rates are many, and move whoever has the currency: their memberships have
    the currency as key, and `changed_rates` the days for which each rate counts.

    Args:
        connection: A database whose schema raw is the lake as it is known now.
        home: Home folder with the lake.
        then: The moment of knowledge to compare with.
        feeds: Feeds to compare.
        reporting_currency: Currency of the figures; documents in it need no rate.
    """
    row = connection.execute("select current_database()").fetchone()
    assert row is not None
    connection.execute("attach ':memory:' as lake_then")
    try:
        connection.execute("use lake_then")
        lake.register(connection, home, then)
        connection.execute(f'use "{row[0]}"')
        _read_both(connection, {*(feed.name for feed in feeds), *_LOOKED_UP})
    finally:
        connection.execute(f'use "{row[0]}"')
        connection.execute("detach lake_then")
    _compare(connection, feeds)
    _touch(connection, [feed.name for feed in feeds], reporting_currency)
    _belong(connection)


def _read_both(connection: duckdb.DuckDBPyConnection, names: set[str]) -> None:
    """The rows in force of some feeds, then and now, as temporary tables."""
    for name, feed in load_contract().items():
        if name not in names:
            continue
        keys = ", ".join(feed.key) or "1"
        texts = [f"coalesce(cast({key} as varchar), '')" for key in feed.key]
        text = " || '|' || ".join(texts) if texts else "''"
        for side, schema in (("then", "lake_then.raw"), ("now", "raw")):
            connection.execute(
                f"create or replace temp table {name}_{side} as "
                f"select *, {text} as record_key from {schema}.{name} "
                f"qualify row_number() over (partition by {keys} order by _load_id desc, "
                "_source desc, _source_file desc, _source_row desc) = 1"
            )


def _compare(connection: duckdb.DuckDBPyConnection, feeds: Sequence[Feed]) -> None:
    """Rows that are new, are gone or say something else, with what they said and say."""
    connection.execute(
        "create or replace temp table changes (feed varchar, record_key varchar, cause varchar, "
        "source_name varchar, source_file varchar, source_row bigint, description varchar, "
        "end_day date)"
    )
    for feed in feeds:
        compared = [column.name for column in feed.columns if not column.is_key]
        differing = _those_that_differ(compared, "{1}")
        texts = _those_that_differ(compared, _TEXT)
        end = _ENDS.get(feed.name)
        end_day = (
            f"case when change = 'changed' and columns = [{quoted(end)}] then "
            f"least({end}_then, {end}_now) end"
            if end
            else "null"
        )
        ends = f", rows_then.{end} as {end}_then, rows_now.{end} as {end}_now" if end else ""
        connection.execute(
            f"""
            insert into changes
            with compared as (
                select coalesce(rows_now.record_key, rows_then.record_key) as record_key,
                    case when rows_then.record_key is null then 'new'
                        when rows_now.record_key is null then 'deleted' else 'changed'
                    end as change,
                    coalesce(rows_now._source, rows_then._source) as source_name,
                    coalesce(rows_now._source_file, rows_then._source_file) as source_file,
                    coalesce(rows_now._source_row, rows_then._source_row) as source_row,
                    {differing} as columns, {texts} as texts {ends}
                from {feed.name}_then as rows_then
                full join {feed.name}_now as rows_now
                    on rows_then.record_key = rows_now.record_key
            )
            select {quoted(feed.name)}, record_key, {_cause(feed.name)}, source_name, source_file,
                source_row,
                case change
                    when 'new' then 'Not known when the period was closed.'
                    when 'deleted' then 'Known when the period was closed, deleted since.'
                    else 'Changed since: ' || array_to_string(texts, ', ') || '.'
                end,
                {end_day}
            from compared where change <> 'changed' or len(columns) > 0
            """
        )


def _those_that_differ(columns: Sequence[str], text: str) -> str:
    """A list with a text for each column that does not say what it said."""
    entries = ", ".join(
        f"case when {_DIFFERS} then {text} end".format(name, quoted(name)) for name in columns
    )
    return f"list_filter([{entries}], entry -> entry is not null)"


def _cause(feed: str) -> str:
    if feed == "fx_rates":
        return "'changed_rate'"
    late = {"invoices": "late_invoice", "receipts": "backdated_receipt"}.get(feed, "late_row")
    due = (
        "when len(list_filter(columns, name -> name not in ('due_date', 'payment_terms'))) = 0 "
        "then 'changed_due_date'"
        if feed == "invoices"
        else ""
    )
    return (
        f"case when change = 'new' then {quoted(late)} when change = 'deleted' then 'deleted_row' "
        f"{due} else 'changed_row' end"
    )


def _touch(
    connection: duckdb.DuckDBPyConnection, feeds: Sequence[str], reporting_currency: str
) -> None:
    """Whose figures each change can move, and from which day on."""
    connection.execute(
        f"""
        create or replace temp table documents as
        select distinct entity_code, invoice_number, customer_code, business_unit,
            salesperson_code, currency_code, {_booked()} as first_day
        from (from invoices_then union all by name from invoices_now)
        """
    )
    # Who paid may not be said: then it is who owes what is paid, if that is known.
    connection.execute(
        "create or replace temp table payments as select distinct entity_code, receipt_id, "
        "coalesce(customer_code, '(unknown)') as customer_code, currency_code, "
        "receipt_date as first_day "
        "from (from receipts_then union all by name from receipts_now)"
    )
    # What pays what: who comes late moves the other, too.
    connection.execute(
        """
        create or replace temp table links as
        select entity_code, applies_to_invoice_number as invoice_number, null as receipt_id,
            invoice_number as credit_note_number
        from (from invoices_then union all by name from invoices_now)
        union select entity_code, invoice_number, receipt_id, null
        from (from receipts_then union all by name from receipts_now)
        union select entity_code, invoice_number, receipt_id, credit_note_number
        from (from allocations_then union all by name from allocations_now)
        """
    )
    connection.execute(
        f"""
        create or replace temp table first_days as
        select greatest(min(day) filter (where side = 1), min(day) filter (where side = 2)) as later
        from (
            select 1 as side, {_booked()} as day from invoices_then
            union all select 2, {_booked()} from invoices_now
            union all select 1, receipt_date from receipts_then
            union all select 2, receipt_date from receipts_now
        )
        """
    )
    branches = [branch for feed in feeds for branch in _branches(feed, reporting_currency)]
    nobody = (
        "select null::varchar as feed, null::varchar as record_key, null::varchar as entity_code, "
        "null::varchar as customer_code, null::varchar as business_unit, "
        "null::varchar as salesperson_code, null::date as first_day where false"
    )
    connection.execute(
        f"""
        create or replace temp table touched as
        with found as ({" union all ".join([nobody, *branches])})
        select distinct found.* replace (
            coalesce(changes.end_day, min(found.first_day) over (
                partition by found.feed, found.record_key
            )) as first_day
        )
        from found
        left join changes on found.feed = changes.feed and found.record_key = changes.record_key
        """
    )
    connection.execute(
        """
        create or replace temp table changed_rates as
        with dates as (
            select distinct record_key, currency_code, base_currency_code, rate_date
            from (from fx_rates_then union all by name from fx_rates_now)
        ),
        spans as (
            select record_key, currency_code, rate_date as first_day,
                lead(rate_date) over (
                    partition by currency_code, base_currency_code order by rate_date
                ) as next_day
            from dates
        )
        select spans.* from spans
        join changes on changes.feed = 'fx_rates' and spans.record_key = changes.record_key
        """
    )


def _booked() -> str:
    return (
        "case when document_type = 'opening' then coalesce(opening_date, issue_date) "
        "else issue_date end"
    )


def _branches(feed: str, reporting_currency: str) -> Iterator[str]:
    """For one feed: its key, entity, customer, own business unit and salesperson, first day."""
    for side in ("then", "now"):
        rows = (
            f"(from {feed}_{side} where record_key in (select record_key from changes "
            f"where feed = {quoted(feed)})) as record"
        )
        start = f"select {quoted(feed)}, record.record_key, "
        invoice = (
            "document.entity_code, document.customer_code, document.business_unit, "
            "document.salesperson_code, "
        )
        on_invoice = (
            "join documents as document on record.entity_code = document.entity_code "
            "and record.{} = document.invoice_number"
        )
        if feed == "invoices":
            yield (
                f"{start} record.entity_code, record.customer_code, record.business_unit, "
                f"record.salesperson_code, {_booked()} from {rows}"
            )
            yield from _linked(start, rows, "invoice_number", "record.issue_date")
        elif feed == "receipts":
            yield (
                f"{start} record.entity_code, coalesce(record.customer_code, '(unknown)'), null, "
                f"null, record.receipt_date from {rows}"
            )
            yield from _linked(start, rows, "receipt_id", "record.receipt_date")
        elif feed == "allocations":
            yield from _allocation_branches(start, rows)
        elif feed in _OF_INVOICES:
            yield (
                f"{start} {invoice} {_OF_INVOICES[feed]} from {rows} "
                f"{on_invoice.format('invoice_number')}"
            )
        elif feed in _OF_CUSTOMERS:
            yield (
                f"{start} record.entity_code, record.customer_code, null, null, "
                f"{_OF_CUSTOMERS[feed]} from {rows}"
            )
        elif feed in _OF_ENTITIES:
            yield f"{start} record.entity_code, null, null, null, {_OF_ENTITIES[feed]} from {rows}"
        elif feed == "fx_rates":
            currency = quoted(reporting_currency)
            yield (
                "select 'fx_rates', record.currency_code, holder.entity_code, "
                "holder.customer_code, holder.business_unit, holder.salesperson_code, "
                f"{_LONG_AGO} from (select distinct currency_code from {rows}) as record join ("
                "select entity_code, customer_code, business_unit, salesperson_code, currency_code "
                "from documents union select entity_code, customer_code, null, null, currency_code "
                "from payments union select entity_code, customer_code, null, null, currency_code "
                "from credit_limits_now union select entity_code, customer_code, null, null, "
                "currency_code from credit_insurance_now) as holder "
                f"on holder.currency_code <> {currency} and (holder.currency_code = "
                f"record.currency_code or record.currency_code = {currency})"
            )


def _linked(start: str, rows: str, key: str, day: str) -> Iterator[str]:
    """The documents and receipts that pay a changed one, or are paid by it."""
    ways = [("receipt_id", "invoice_number", "documents", "invoice_number")]
    if key == "invoice_number":
        ways = [
            ("invoice_number", "receipt_id", "payments", "receipt_id"),
            ("invoice_number", "credit_note_number", "documents", "invoice_number"),
            ("credit_note_number", "invoice_number", "documents", "invoice_number"),
        ]
    for own, other, table, name in ways:
        units = "other.business_unit, other.salesperson_code"
        yield (
            f"{start} other.entity_code, other.customer_code, "
            f"{units if table == 'documents' else 'null, null'}, {day} from {rows} "
            f"join links on record.entity_code = links.entity_code and record.{key} = links.{own} "
            f"join {table} as other on links.entity_code = other.entity_code "
            f"and links.{other} = other.{name}"
        )


def _allocation_branches(start: str, rows: str) -> Iterator[str]:
    """An allocation moves the invoice, and the receipt or credit note, on the latest of days."""
    joined = (
        f"from {rows} left join documents as document on record.entity_code = document.entity_code "
        "and record.invoice_number = document.invoice_number "
        "left join payments as payment on record.entity_code = payment.entity_code "
        "and record.receipt_id = payment.receipt_id "
        "left join documents as credit on record.entity_code = credit.entity_code "
        "and record.credit_note_number = credit.invoice_number"
    )
    day = (
        "greatest(coalesce(record.allocation_date, payment.first_day, credit.first_day, "
        f"{_LONG_AGO}), payment.first_day, document.first_day)"
    )
    for side, own in (("document", True), ("payment", False), ("credit", True)):
        units = f"{side}.business_unit, {side}.salesperson_code" if own else "null, null"
        yield (
            f"{start} record.entity_code, {side}.customer_code, {units}, {day} {joined} "
            f"where {side}.customer_code is not null"
        )


def _belong(connection: duckdb.DuckDBPyConnection) -> None:
    """The entities and segments of what was touched, as they were and as they are."""
    pairs = ", ".join(
        f"row('{kind}', coalesce({code}, '(none)'))" for kind, code in _SEGMENTS.items()
    )
    connection.execute(
        f"""
        create or replace temp table memberships as
        with holders as (
            select distinct entity_code, customer_code from documents
            union select distinct entity_code, customer_code from payments
        ),
        customers as (
            select distinct entity_code, customer_code, customer_segment, business_unit, region,
                customer_type, industry_code, salesperson_code, collector_code
            from (from customers_then union all by name from customers_now)
        ),
        of_entities as (
            select touched.* replace (
                coalesce(touched.entity_code, holders.entity_code) as entity_code
            )
            from touched left join holders on touched.entity_code is null
                and touched.customer_code = holders.customer_code
        ),
        of_segments as (
            select of_entities.feed, of_entities.record_key, of_entities.first_day,
                of_entities.entity_code,
                unnest(case when of_entities.customer_code is null
                    then [row('all', 'ALL')]
                    else [row('all', 'ALL'), row('customer', of_entities.customer_code), {pairs},
                        row('business_unit', coalesce(customers.business_unit, '(none)')),
                        row('business_unit', coalesce(nullif(of_entities.business_unit, ''),
                            customers.business_unit, '(none)')),
                        row('salesperson', coalesce(customers.salesperson_code, '(none)')),
                        row('salesperson', coalesce(nullif(of_entities.salesperson_code, ''),
                            customers.salesperson_code, '(none)'))]
                end) as segment
            from of_entities
            left join customers on of_entities.customer_code = customers.customer_code
                and coalesce(customers.entity_code, of_entities.entity_code)
                    = of_entities.entity_code
        )
        select distinct feed, record_key, first_day, unnest([entity_code, 'ALL']) as entity_code,
            segment[1] as segment_type, segment[2] as segment_code
        from of_segments
        """
    )
