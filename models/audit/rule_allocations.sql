-- The allocations that no book has and a rule of matching made (ADR 0018), with the lines of the
-- exports that the receipt and the invoice come from.
-- Grain: one row per rule, receipt, invoice and day of undoing.
with

run as (

    select * from {{ ref('int_run') }}

),

allocations as (

    select
        allocations.*,
        run.as_of_date
    from {{ ref('int_allocations') }} as allocations
    cross join run
    where
        allocations.matching_rule is not null
        and allocations.movement_date <= run.as_of_date

)

select
    allocations.allocation_key,
    allocations.kind,
    allocations.matching_rule,
    allocations.confidence,
    receipts.entity_code,
    receipts.item_key as receipt_item_key,
    receipts.receipt_id,
    receipts.receipt_date,
    receipts.reference,
    invoices.item_key as invoice_item_key,
    invoices.invoice_number,
    invoices.customer_code,
    invoices.currency_code,
    allocations.amount,
    allocations.movement_date as allocated_on,
    case when allocations.reversed_on <= allocations.as_of_date then allocations.reversed_on end
        as undone_on,
    case
        when allocations.reversed_on > allocations.as_of_date then null
        when allocations.reversed_on = receipts.reversed_on then 'receipt_reversed'
        when allocations.reversed_on is not null then 'released'
    end as undone_reason,
    receipts._source as receipt_source_name,
    receipts._source_file as receipt_source_file,
    receipts._source_row as receipt_source_row,
    invoices._source as invoice_source_name,
    invoices._source_file as invoice_source_file,
    invoices._source_row as invoice_source_row

from allocations
inner join {{ ref('stg_receipts') }} as receipts on allocations.origin_item_key = receipts.item_key
inner join {{ ref('stg_invoices') }} as invoices on allocations.target_item_key = invoices.item_key
