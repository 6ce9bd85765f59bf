-- Every change of what a customer owes, signed from the seller's side. All balances and flows come
-- from here.
-- Grain: one row per item and change.
with

items as (

    select * from {{ ref('int_receivable_items') }}

),

allocations as (

    select allocations.* from {{ ref('int_allocations') }} as allocations
    where allocations.issue_code is null

),

issues as (

    select
        items.item_key,
        'issue' as movement_type,
        items.item_key as event_key,
        items.booking_date as movement_date,
        items.signed_amount as movement_amount,
        items.reversed_on,
        cast(null as date) as receipt_date
    from items

),

allocated_targets as (

    select
        allocations.target_item_key as item_key,
        case allocations.kind
            when 'receipt' then 'receipt_allocation'
            when 'credit_note' then 'credit_note_allocation'
            else 'discount'
        end as movement_type,
        allocations.allocation_key as event_key,
        allocations.movement_date,
        cast(-allocations.amount as decimal(18, 2)) as movement_amount,
        allocations.reversed_on,
        case when allocations.kind = 'receipt' then allocations.origin_booking_date end
            as receipt_date
    from allocations

),

allocated_origins as (

    select
        allocations.origin_item_key as item_key,
        allocations.kind || '_allocation' as movement_type,
        allocations.allocation_key as event_key,
        allocations.movement_date,
        allocations.amount as movement_amount,
        allocations.reversed_on,
        case when allocations.kind = 'receipt' then allocations.origin_booking_date end
            as receipt_date
    from allocations
    where allocations.kind in ('receipt', 'credit_note')

),

write_offs as (

    select
        write_offs.item_key,
        'write_off' as movement_type,
        'write_off|' || write_offs.entity_code || '|' || write_offs.write_off_id as event_key,
        greatest(write_offs.write_off_date, items.booking_date) as movement_date,
        cast(-write_offs.amount as decimal(18, 2)) as movement_amount,
        cast(null as date) as reversed_on,
        cast(null as date) as receipt_date
    from {{ ref('stg_write_offs') }} as write_offs
    inner join items on write_offs.item_key = items.item_key

),

done as (

    select * from issues
    union all
    select * from allocated_targets
    union all
    select * from allocated_origins
    union all
    select * from write_offs

),

-- A receipt that bounces undoes what it did, one by one; what it did later, on that later day.
undone as (

    select
        done.item_key,
        done.movement_type,
        done.event_key,
        greatest(done.reversed_on, done.movement_date) as movement_date,
        cast(-done.movement_amount as decimal(18, 2)) as movement_amount,
        done.receipt_date,
        true as is_reversal
    from done
    where done.reversed_on is not null

),

movements as (

    select
        done.item_key,
        done.movement_type,
        done.event_key,
        done.movement_date,
        done.movement_amount,
        done.receipt_date,
        false as is_reversal
    from done

    union all

    select
        undone.item_key,
        undone.movement_type,
        undone.event_key,
        undone.movement_date,
        undone.movement_amount,
        undone.receipt_date,
        undone.is_reversal
    from undone

)

select
    movements.item_key,
    movements.movement_type,
    movements.is_reversal,
    movements.event_key,
    items.item_type,
    items.item_side,
    items.entity_code,
    items.dimension_set_id,
    items.currency_code,
    items.is_factored,
    items.due_date,
    movements.receipt_date,
    movements.movement_date,
    movements.movement_amount

from movements
inner join items on movements.item_key = items.item_key
