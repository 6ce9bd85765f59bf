-- Every change of what a customer owes, up to the as-of date of the run.
-- Grain: one row per item and change.
with

run as (

    select * from {{ ref('int_run') }}

),

movements as (

    select * from {{ ref('int_receivable_movements') }}

),

items as (

    select * from {{ ref('int_receivable_items') }}

)

select
    movements.item_key,
    movements.movement_type,
    movements.is_reversal,
    movements.event_key,
    movements.item_type,
    movements.item_side,
    cast(movements.dimension_set_id as bigint) as dimension_set_id,
    movements.currency_code,
    movements.is_factored,
    cast(items.dimension_set_id as bigint) as item_dimension_set_id,
    items.issue_date,
    items.booking_date,
    movements.due_date,
    movements.receipt_date,
    movements.movement_date,
    movements.movement_amount

from movements
cross join run
inner join items on movements.item_key = items.item_key
where movements.movement_date <= run.as_of_date
