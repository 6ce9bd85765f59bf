-- What receipts paid of invoices, debit notes and opening items. A receipt that bounces takes its
-- allocations back on its own day, as negative amounts: what stands at a day is the sum up to it.
-- Amounts in document currency. Each is in the dimension set of its own day, its item had that of
-- `item_dimension_set_id` when it was booked.
-- Grain: one row per allocation, and one per allocation undone.
with

movements as (

    select * from {{ ref('int_receivable_movements') }}

),

run as (

    select * from {{ ref('int_run') }}

),

items as (

    select * from {{ ref('int_receivable_items') }}

)

select
    movements.event_key,
    movements.is_reversal,
    movements.item_key,
    items.item_type,
    items.entity_code,
    items.customer_code,
    movements.dimension_set_id,
    items.dimension_set_id as item_dimension_set_id,
    items.currency_code,
    items.issue_date,
    items.booking_date,
    items.due_date,
    movements.receipt_date,
    movements.movement_date,
    cast(-movements.movement_amount as decimal(18, 2)) as allocated_amount

from movements
cross join run
inner join items on movements.item_key = items.item_key
where
    movements.movement_type = 'receipt_allocation'
    and movements.item_side = 'debit'
    and movements.movement_date <= run.as_of_date
