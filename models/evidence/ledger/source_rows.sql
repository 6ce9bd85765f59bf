-- Where each record of the ledger was read: file, line, load, and the hash of the file.
-- Grain: one row per record.
{%- set feeds = [
    'invoices', 'receipts', 'allocations', 'write_offs', 'disputes', 'reminders', 'promises',
    'customers', 'credit_limits', 'credit_insurance', 'provisions', 'collection_costs', 'financials',
    'fx_rates',
] %}
with

source_files as (

    select * from {{ source('run', 'source_files') }}

),

-- A row that holds for several entities stands behind that of one entity.
own_customers as (

    select customers.* from {{ ref('stg_customers') }} as customers
    left join {{ ref('stg_customers') }} as own_rows
        on
            customers.is_common
            and not own_rows.is_common
            and customers.entity_code = own_rows.entity_code
            and customers.customer_code = own_rows.customer_code
            and customers.holds_from = own_rows.holds_from
    where own_rows.customer_code is null

),

records as (
    {% for feed in feeds %}
    {{ 'union all' if not loop.first }}
    select
        {{ record_key(feed, feed) }} as record_key,
        '{{ feed }}' as feed,
        {{ feed }}._source as source_name,
        {{ feed }}._source_file as source_file,
        {{ feed }}._source_row as source_row,
        {{ feed }}._load_id as load_id
    from {{ 'own_customers' if feed == 'customers' else ref('stg_' ~ feed) }} as {{ feed }}
    {% endfor %}
    union all

    -- What a rule matched stands on the line of its receipt.
    select
        allocations.allocation_key as record_key,
        'receipts' as feed,
        receipts._source as source_name,
        receipts._source_file as source_file,
        receipts._source_row as source_row,
        receipts._load_id as load_id
    from {{ ref('int_allocations') }} as allocations
    inner join {{ ref('stg_receipts') }} as receipts
        on allocations.origin_item_key = receipts.item_key
    where allocations.matching_rule is not null

)

select
    records.record_key,
    records.feed,
    records.source_name,
    records.source_file,
    cast(records.source_row as bigint) as source_row,
    records.load_id,
    source_files.sha256 as source_file_sha256

from records
left join source_files
    on
        records.load_id = source_files.load_id
        and records.source_name = source_files.source
        and records.source_file = source_files.source_file
