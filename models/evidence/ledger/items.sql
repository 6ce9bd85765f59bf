-- Every item of the customer ledger, as it was booked.
-- Grain: one row per item.
with

items as (

    select * from {{ ref('int_receivable_items') }}

)

select
    items.item_key,
    items.item_type,
    items.item_side,
    items.entity_code,
    items.customer_code,
    items.document_number,
    items.issue_date,
    items.booking_date,
    items.due_date,
    items.currency_code,
    items.signed_amount,
    items.is_end_of_month_terms

from items
