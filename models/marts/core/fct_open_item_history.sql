-- The state of every item through time; any past day reads
-- `where valid_from <= day and day < valid_to`.
-- Grain: one row per item and interval in which its state is constant.
with

history as (

    select * from {{ ref('int_item_history') }}

)

select
    history.item_key,
    history.item_type,
    history.entity_code,
    history.customer_code,
    history.document_number,
    history.issue_date,
    history.due_date,
    history.currency_code,
    history.valid_from,
    history.valid_to,
    history.open_amount,
    history.is_disputed,
    history.disputed_amount

from history
