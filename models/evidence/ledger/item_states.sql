-- The open balance of every item through time.
-- Grain: one row per item and interval in which its state is constant; `valid_to` is excluded.
with

history as (

    select * from {{ ref('int_item_history') }}

)

select
    history.item_key,
    history.item_type,
    history.item_side,
    cast(history.dimension_set_id as bigint) as dimension_set_id,
    history.booking_date,
    history.due_date,
    history.currency_code,
    history.is_factored,
    history.signed_amount,
    history.valid_from,
    history.valid_to,
    history.open_amount,
    history.disputed_amount

from history
