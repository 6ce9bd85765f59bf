-- Every change of what a customer owes, signed from the seller's side. All balances and flows come
-- from here. Each is in the dimension set of its day; where an item with a balance changes its set,
-- a transfer takes the balance out of the old one and puts it into the new one.
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

),

changed_sets as (

    select changed_sets.* from {{ ref('int_item_dimension_sets') }} as changed_sets
    where changed_sets.previous_dimension_set_id is not null

),

-- What moves is what was open at the end of the day before.
transferred_balances as (

    select
        changed_sets.item_key,
        changed_sets.valid_from,
        changed_sets.previous_dimension_set_id,
        changed_sets.dimension_set_id,
        cast(sum(movements.movement_amount) as decimal(18, 2)) as balance
    from changed_sets
    inner join movements
        on
            changed_sets.item_key = movements.item_key
            and changed_sets.valid_from > movements.movement_date
    group by
        changed_sets.item_key, changed_sets.valid_from, changed_sets.previous_dimension_set_id,
        changed_sets.dimension_set_id
    having sum(movements.movement_amount) <> 0

),

placed as (

    select
        movements.*,
        item_sets.dimension_set_id as changed_dimension_set_id
    from movements
    {{ dimension_set_of_day('movements.item_key', 'movements.movement_date') }}
    {% for direction, sign, dimension_set_id in [
        ('out', '-', 'previous_dimension_set_id'), ('in', '', 'dimension_set_id')
    ] %}
    union all

    select
        transfers.item_key,
        'transfer' as movement_type,
        'transfer_{{ direction }}|' || cast(transfers.valid_from as varchar) as event_key,
        transfers.valid_from as movement_date,
        cast({{ sign }}transfers.balance as decimal(18, 2)) as movement_amount,
        cast(null as date) as receipt_date,
        false as is_reversal,
        transfers.{{ dimension_set_id }} as changed_dimension_set_id
    from transferred_balances as transfers
    {% endfor %}
)

select
    placed.item_key,
    placed.movement_type,
    placed.is_reversal,
    placed.event_key,
    items.item_type,
    items.item_side,
    items.entity_code,
    coalesce(placed.changed_dimension_set_id, items.dimension_set_id) as dimension_set_id,
    items.currency_code,
    items.is_factored,
    items.due_date,
    placed.receipt_date,
    placed.movement_date,
    placed.movement_amount

from placed
inner join items on placed.item_key = items.item_key
