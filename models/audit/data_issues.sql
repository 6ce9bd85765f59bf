-- What in the data deserves a look: refused rows, references to nothing, odd dates and balances.
-- Nothing listed here was dropped in silence, and nothing was guessed.
-- What a later run no longer finds stays listed, with the last run that saw it.
-- Grain: one row per finding.
{%- set keyed_feeds = [
    'entities', 'customers', 'invoices', 'receipts', 'allocations', 'write_offs', 'disputes',
    'fx_rates', 'control_balances',
] %}
{%- set document_feeds = ['write_offs', 'disputes', 'reminders', 'promises'] %}
{%- set singular = {
    'write_offs': ('write_off', 'write-off'), 'disputes': ('dispute', 'dispute'),
    'reminders': ('reminder', 'reminder'), 'promises': ('promise', 'promise'),
} %}
with

run as (

    select * from {{ ref('int_run') }}

),

items as (

    select * from {{ ref('int_receivable_items') }}

),

refused_rows as (

    select
        'error' as severity,
        'row_refused' as issue_code,
        rejected_rows.feed,
        cast(null as varchar) as record_key,
        rejected_rows.source as source_name,
        rejected_rows.source_file,
        rejected_rows.source_row,
        'Refused: ' || rejected_rows.reason as description
    from {{ source('run', 'rejected_rows') }} as rejected_rows

),

-- Where an allocation comes from: a row of its own, or the document that names its invoice.
allocation_rows as (

    select
        'allocations' as feed,
        'allocation|' || allocations.entity_code || '|' || allocations.allocation_id
            as allocation_key,
        allocations._source as source_name,
        allocations._source_file as source_file,
        allocations._source_row as source_row
    from {{ ref('stg_allocations') }} as allocations

    union all

    select
        'receipts' as feed,
        'implied|' || receipts.item_key as allocation_key,
        receipts._source as source_name,
        receipts._source_file as source_file,
        receipts._source_row as source_row
    from {{ ref('stg_receipts') }} as receipts

    union all

    select
        'invoices' as feed,
        'implied|' || invoices.item_key as allocation_key,
        invoices._source as source_name,
        invoices._source_file as source_file,
        invoices._source_row as source_row
    from {{ ref('stg_invoices') }} as invoices

),

unapplied_allocations as (

    select
        'warning' as severity,
        'allocation_' || allocations.issue_code as issue_code,
        allocation_rows.feed,
        allocations.allocation_key as record_key,
        allocation_rows.source_name,
        allocation_rows.source_file,
        allocation_rows.source_row,
        case allocations.issue_code
            when 'unknown_invoice'
                then
                    'Allocated to ' || allocations.target_item_key
                    || ', which is not in the invoices; not applied.'
            when 'origin_is_no_credit'
                then
                    'Allocates ' || allocations.origin_item_key
                    || ', which is no credit note; not applied.'
            when 'same_item'
                then 'Allocates ' || allocations.origin_item_key || ' to itself; not applied.'
            when 'currency_mismatch'
                then
                    'Allocates ' || allocations.origin_item_key || ' to '
                    || allocations.target_item_key
                    || ', which is in another currency; not applied.'
            else
                'Allocates ' || allocations.origin_item_key
                || ', which is not in the data; not applied.'
        end as description
    from {{ ref('int_booked_allocations') }} as allocations
    inner join allocation_rows on allocations.allocation_key = allocation_rows.allocation_key
    where allocations.issue_code is not null

),
{% for feed in document_feeds %}
unknown_invoice_{{ feed }} as (

    select
        'warning' as severity,
        '{{ singular[feed][0] }}_unknown_invoice' as issue_code,
        '{{ feed }}' as feed,
        events.entity_code || '|' || events.{{ singular[feed][0] }}_id as record_key,
        events._source as source_name,
        events._source_file as source_file,
        events._source_row as source_row,
        'This {{ singular[feed][1] }} is about invoice ' || events.invoice_number
        || ' of entity ' || events.entity_code || ', which is not in the invoices; not counted.'
            as description
    from {{ ref('stg_' ~ feed) }} as events
    left join items on events.item_key = items.item_key
    where items.item_key is null

),
{% endfor %}
crossed_items as (

    select
        history.item_key,
        min(history.valid_from) as first_day
    from {{ ref('int_item_history') }} as history
    where
        history.open_amount <> 0
        and sign(history.open_amount) <> sign(history.signed_amount)
    group by history.item_key

),

document_rows as (

    select
        'invoices' as feed,
        invoices.item_key,
        invoices._source as source_name,
        invoices._source_file as source_file,
        invoices._source_row as source_row
    from {{ ref('stg_invoices') }} as invoices

    union all

    select
        'receipts' as feed,
        receipts.item_key,
        receipts._source as source_name,
        receipts._source_file as source_file,
        receipts._source_row as source_row
    from {{ ref('stg_receipts') }} as receipts

),

item_findings as (

    select
        crossed_items.item_key,
        'warning' as severity,
        'item_passes_through_zero' as issue_code,
        'More was booked against ' || crossed_items.item_key || ' than it held, from '
        || cast(crossed_items.first_day as varchar) || ' on; its balance is kept as it is.'
            as description
    from crossed_items

    union all

    select
        items.item_key,
        'warning' as severity,
        'due_date_missing' as issue_code,
        'No due date on ' || items.item_key || '; aged as undated.' as description
    from items
    where items.item_side = 'debit' and items.due_date is null

    union all

    select
        items.item_key,
        'warning' as severity,
        'unreadable_payment_terms' as issue_code,
        'No due date on ' || items.item_key || ', and its payment terms cannot be read: '
        || payment_terms.payment_terms as description
    from items
    inner join {{ ref('int_payment_terms') }} as payment_terms
        on items.item_key = payment_terms.item_key
    where
        items.item_side = 'debit'
        and payment_terms.due_date is null
        and payment_terms.payment_terms is not null

    union all

    select
        items.item_key,
        'warning' as severity,
        'due_before_issue' as issue_code,
        'Due on ' || cast(items.due_date as varchar) || ', before its issue on '
        || cast(items.issue_date as varchar) || '.' as description
    from items
    where items.item_side = 'debit' and items.due_date < items.issue_date

    union all

    select
        items.item_key,
        'info' as severity,
        'dated_after_as_of' as issue_code,
        'Booked on ' || cast(items.booking_date as varchar) || ', after the as-of date '
        || cast(run.as_of_date as varchar) || '; not counted yet.' as description
    from items
    cross join run
    where items.booking_date > run.as_of_date

    union all

    select
        items.item_key,
        'warning' as severity,
        'reversed_before_receipt' as issue_code,
        'Reversed on ' || cast(items.reversed_on as varchar) || ', before its receipt on '
        || cast(items.booking_date as varchar) || '; undone on the day of the receipt.'
            as description
    from items
    where items.reversed_on < items.booking_date

    union all

    select
        items.item_key,
        'info' as severity,
        'refund' as issue_code,
        'A receipt of a negative amount; it raises what the customer owes.' as description
    from items
    where items.item_type = 'receipt' and items.signed_amount > 0

),

item_issues as (

    select
        item_findings.severity,
        item_findings.issue_code,
        document_rows.feed,
        item_findings.item_key as record_key,
        document_rows.source_name,
        document_rows.source_file,
        document_rows.source_row,
        item_findings.description
    from item_findings
    inner join document_rows on item_findings.item_key = document_rows.item_key

),

-- What a rule could not decide and no weaker rule allocated.
undecided_receipts as (

    select
        undecided.receipt_item_key,
        undecided.issue_code
    from {{ ref('int_reference_matches') }} as undecided
    where undecided.issue_code is not null

    union all

    select
        undecided.receipt_item_key,
        undecided.issue_code
    from {{ ref('int_amount_matches') }} as undecided
    where undecided.issue_code is not null

),

decided_receipts as (

    select distinct allocations.origin_item_key as receipt_item_key
    from {{ ref('int_allocations') }} as allocations
    where allocations.matching_rule <> 'reference'

),

ambiguous_receipts as (

    select
        'warning' as severity,
        'matching_' || undecided_receipts.issue_code as issue_code,
        'receipts' as feed,
        undecided_receipts.receipt_item_key as record_key,
        receipts._source as source_name,
        receipts._source_file as source_file,
        receipts._source_row as source_row,
        case undecided_receipts.issue_code
            when 'ambiguous_reference'
                then
                    'The text of this receipt names a number that several invoices have: '
                    || receipts.reference
            else
                'Several invoices of customer ' || receipts.customer_code || ' were open with'
                || ' the balance that this receipt holds; matched with none of them.'
        end as description
    from undecided_receipts
    inner join {{ ref('stg_receipts') }} as receipts
        on undecided_receipts.receipt_item_key = receipts.item_key
    left join decided_receipts
        on undecided_receipts.receipt_item_key = decided_receipts.receipt_item_key
    where decided_receipts.receipt_item_key is null

),

dispute_dates as (

    select
        'warning' as severity,
        'dispute_closed_before_opened' as issue_code,
        'disputes' as feed,
        disputes.entity_code || '|' || disputes.dispute_id as record_key,
        disputes._source as source_name,
        disputes._source_file as source_file,
        disputes._source_row as source_row,
        'Closed on ' || cast(disputes.closed_on as varchar) || ', before it opened on '
        || cast(disputes.opened_on as varchar) || '; never counted as open.' as description
    from {{ ref('stg_disputes') }} as disputes
    where disputes.closed_on < disputes.opened_on

),

-- Only where master data is supplied at all.
customers_without_record as (

    select
        'warning' as severity,
        'customer_without_record' as issue_code,
        'customers' as feed,
        customers.entity_code || '|' || customers.customer_code as record_key,
        cast(null as varchar) as source_name,
        cast(null as varchar) as source_file,
        cast(null as bigint) as source_row,
        'Customer ' || customers.customer_code || ' of entity ' || customers.entity_code
        || ' has documents and no record; its segments are (none).' as description
    from {{ ref('int_customers') }} as customers
    where
        not customers.has_record
        and exists (select 1 as found from {{ ref('stg_customers') }})

),

entities_without_record as (

    select distinct
        'warning' as severity,
        'entity_without_record' as issue_code,
        'entities' as feed,
        dimension_sets.entity_code as record_key,
        cast(null as varchar) as source_name,
        cast(null as varchar) as source_file,
        cast(null as bigint) as source_row,
        'Entity ' || dimension_sets.entity_code || ' has documents and no record.' as description
    from {{ ref('int_dimension_sets') }} as dimension_sets
    left join {{ ref('stg_entities') }} as entities
        on dimension_sets.entity_code = entities.entity_code
    where
        entities.entity_code is null
        and exists (select 1 as found from {{ ref('stg_entities') }})

),

-- Two sources that supply one key: the row loaded last counts, but customers of no entity.
{% for feed in keyed_feeds %}
shared_keys_{{ feed }} as (

    select
        'warning' as severity,
        'key_from_two_sources' as issue_code,
        '{{ feed }}' as feed,
        {{ feed_key_text(feed, 'raw_rows') }} as record_key,
        min(raw_rows._source) as source_name,
        cast(null as varchar) as source_file,
        cast(null as bigint) as source_row,
        'Supplied by ' || min(raw_rows._source) || ' and ' || max(raw_rows._source)
        ||
        {%- if feed == 'customers' %}
        case
            when max(raw_rows.entity_code) is null
                then '; each counts for the entities of its source.'
            else '; the row loaded last counts, within one load that of the source last by name.'
        end
        {%- else %}
        '; the row loaded last counts, within one load that of the source last by name.'
        {%- endif %}
            as description
    from {{ source('raw', feed) }} as raw_rows
    where
        (
            select count(distinct sources._source) as source_count
            from {{ source('raw', feed) }} as sources
        ) > 1
    group by {{ feed_key_text(feed, 'raw_rows') }}
    having min(raw_rows._source) <> max(raw_rows._source)

),
{% endfor %}
reading_issues as (

    select
        reading_issues.severity,
        reading_issues.issue_code,
        reading_issues.feed,
        reading_issues.entity_code || '|' || reading_issues.record_key as record_key,
        reading_issues._source as source_name,
        reading_issues._source_file as source_file,
        reading_issues._source_row as source_row,
        reading_issues.description
    from {{ ref('stg_reading_issues') }} as reading_issues

),

issues as (

    select * from refused_rows
    union all
    select * from reading_issues
    union all
    select * from unapplied_allocations
    {% for feed in document_feeds %}
    union all
    select * from unknown_invoice_{{ feed }}
    {% endfor %}
    union all
    select * from item_issues
    union all
    select * from ambiguous_receipts
    union all
    select * from dispute_dates
    union all
    select * from customers_without_record
    union all
    select * from entities_without_record
    {% for feed in keyed_feeds %}
    union all
    select * from shared_keys_{{ feed }}
    {% endfor %}
),

identified as (

    select
        issues.*,
        {{ issue_identity('issues') }} as issue_identity
    from issues

),

earlier as (

    select
        earlier_issues.*,
        {{ issue_identity('earlier_issues') }} as issue_identity
    from {{ source('run', 'earlier_issues') }} as earlier_issues

),

seen_before as (

    select
        earlier.issue_identity,
        min(earlier.first_seen_run) as first_seen_run,
        max(earlier.last_seen_run) as last_seen_run
    from earlier
    group by earlier.issue_identity

),

-- Validation comes after this model and adds what it finds.
listed as (

    select
        identified.severity,
        identified.issue_code,
        identified.feed,
        identified.record_key,
        identified.source_name,
        identified.source_file,
        identified.source_row,
        identified.description,
        coalesce(seen_before.first_seen_run, this_run.run_id) as first_seen_run,
        this_run.run_id as last_seen_run,
        true as is_open
    from identified
    cross join {{ source('run', 'run_parameters') }} as this_run
    left join seen_before on identified.issue_identity = seen_before.issue_identity

    union all

    select
        earlier.severity,
        earlier.issue_code,
        earlier.feed,
        earlier.record_key,
        earlier.source_name,
        earlier.source_file,
        earlier.source_row,
        earlier.description,
        seen_before.first_seen_run,
        earlier.last_seen_run,
        false as is_open
    from earlier
    inner join seen_before
        on
            earlier.issue_identity = seen_before.issue_identity
            and earlier.last_seen_run = seen_before.last_seen_run
    left join identified on earlier.issue_identity = identified.issue_identity
    where identified.issue_identity is null

)

select
    listed.severity,
    listed.issue_code,
    listed.feed,
    listed.record_key,
    listed.source_name,
    listed.source_file,
    listed.source_row,
    listed.description,
    listed.first_seen_run,
    listed.last_seen_run,
    listed.is_open

from listed
