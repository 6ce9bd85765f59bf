-- Every change of what a customer owes, up to the as-of date of the run.
-- Grain: one row per item and change.
with

run as (

    select * from {{ ref('int_run') }}

),

movements as (

    select * from {{ ref('int_receivable_movements') }}

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
    movements.due_date,
    movements.receipt_date,
    movements.movement_date,
    movements.movement_amount

from movements
cross join run
where movements.movement_date <= run.as_of_date
