-- What the books leave open of every debit item that a receipt might be matched with, through time:
-- before any rule. Empty where no source asks for matching.
-- Grain: one row per item and interval between two changes; `valid_to` is excluded.
with

entities as (

    select distinct receipts.entity_code
    from {{ ref('int_matchable_receipts') }} as receipts

),

items as (

    select items.* from {{ ref('int_receivable_items') }} as items
    inner join entities on items.entity_code = entities.entity_code
    where items.item_side = 'debit'

),

lowered as (

    select
        allocations.target_item_key as item_key,
        allocations.movement_date,
        allocations.reversed_on,
        allocations.amount
    from {{ ref('int_booked_allocations') }} as allocations
    where allocations.issue_code is null

    union all

    select
        write_offs.item_key,
        write_offs.write_off_date as movement_date,
        cast(null as date) as reversed_on,
        write_offs.amount
    from {{ ref('stg_write_offs') }} as write_offs

),

changes as (

    select
        items.item_key,
        items.booking_date as change_date,
        items.signed_amount as change_amount
    from items

    union all

    select
        items.item_key,
        greatest(lowered.movement_date, items.booking_date) as change_date,
        cast(-lowered.amount as decimal(18, 2)) as change_amount
    from lowered
    inner join items on lowered.item_key = items.item_key

    union all

    select
        items.item_key,
        greatest(lowered.reversed_on, lowered.movement_date, items.booking_date) as change_date,
        lowered.amount as change_amount
    from lowered
    inner join items on lowered.item_key = items.item_key
    where lowered.reversed_on is not null

)

{{ balance_intervals('changes') }}
