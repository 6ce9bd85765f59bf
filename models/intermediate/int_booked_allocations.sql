-- Every allocation, booked or implied by a document that names its invoice, with the day it moves
-- the ledger and whether it can be applied.
-- Grain: one row per allocation.
with

items as (

    select * from {{ ref('int_receivable_items') }}

),

booked as (

    select
        'allocation|' || allocations.entity_code || '|' || allocations.allocation_id
            as allocation_key,
        allocations.kind,
        allocations.target_item_key,
        case
            when allocations.kind = 'credit_note' then allocations.credit_note_item_key
            else allocations.receipt_item_key
        end as origin_item_key,
        allocations.amount,
        allocations.allocation_date
    from {{ ref('stg_allocations') }} as allocations

),

-- A document that names its invoice is allocated to it in full, unless the export books how.
allocated_origins as (

    select distinct
        booked.kind,
        booked.origin_item_key
    from booked

),

implied_receipts as (

    select
        'implied|' || receipts.item_key as allocation_key,
        'receipt' as kind,
        {{ document_key('receipts.entity_code', 'receipts.invoice_number') }} as target_item_key,
        receipts.item_key as origin_item_key,
        receipts.amount,
        cast(null as date) as allocation_date
    from {{ ref('stg_receipts') }} as receipts
    left join allocated_origins
        on
            receipts.item_key = allocated_origins.origin_item_key
            and allocated_origins.kind = 'receipt'
    where receipts.invoice_number is not null and allocated_origins.origin_item_key is null

),

implied_credit_notes as (

    select
        'implied|' || invoices.item_key as allocation_key,
        'credit_note' as kind,
        invoices.applies_to_item_key as target_item_key,
        invoices.item_key as origin_item_key,
        cast(-invoices.signed_amount as decimal(18, 2)) as amount,
        cast(null as date) as allocation_date
    from {{ ref('stg_invoices') }} as invoices
    left join allocated_origins
        on
            invoices.item_key = allocated_origins.origin_item_key
            and allocated_origins.kind = 'credit_note'
    where
        invoices.item_type = 'credit_note'
        and invoices.applies_to_item_key is not null
        and allocated_origins.origin_item_key is null

),

allocations as (

    select * from booked
    union all
    select * from implied_receipts
    union all
    select * from implied_credit_notes

)

select
    allocations.allocation_key,
    allocations.kind,
    allocations.target_item_key,
    allocations.origin_item_key,
    allocations.amount,
    -- `greatest` ignores what is missing, on DuckDB and on Spark alike.
    greatest(allocations.allocation_date, origins.booking_date, targets.booking_date)
        as movement_date,
    origins.reversed_on,
    origins.booking_date as origin_booking_date,
    case
        when targets.item_key is null then 'unknown_invoice'
        when allocations.origin_item_key is not null and origins.item_key is null
            then
                case allocations.kind
                    when 'credit_note' then 'unknown_credit_note' else 'unknown_receipt'
                end
        when allocations.kind = 'credit_note' and origins.item_side <> 'credit'
            then 'origin_is_no_credit'
        when origins.item_key = targets.item_key then 'same_item'
        when origins.currency_code <> targets.currency_code then 'currency_mismatch'
    end as issue_code

from allocations
left join items as targets on allocations.target_item_key = targets.item_key
left join items as origins on allocations.origin_item_key = origins.item_key
