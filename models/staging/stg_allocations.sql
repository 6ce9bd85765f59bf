-- Allocations as the accounting system booked them, each with what is allocated.
-- Grain: one row per entity and allocation.
with

allocations as (

    {{ current_rows('allocations') }}

)

select
    allocations.entity_code,
    allocations.allocation_id,
    allocations.invoice_number,
    {{ document_key('allocations.entity_code', 'allocations.invoice_number') }} as target_item_key,
    allocations.amount,
    allocations.allocation_date,
    coalesce(
        allocations.kind,
        case when allocations.receipt_id is not null then 'receipt' else 'credit_note' end
    ) as kind,
    allocations.receipt_id,
    case
        when allocations.receipt_id is not null
            then {{ receipt_key('allocations.entity_code', 'allocations.receipt_id') }}
    end as receipt_item_key,
    allocations.credit_note_number,
    case
        when allocations.credit_note_number is not null
            then {{ document_key('allocations.entity_code', 'allocations.credit_note_number') }}
    end as credit_note_item_key,
    allocations._source,
    allocations._source_file,
    allocations._source_row,
    allocations._load_id

from allocations
