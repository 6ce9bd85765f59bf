-- When items were settled, for as long as what is known of it stays the same.
-- Grain: one row per item, day of settlement and interval; `valid_to` is excluded.
with

settlements as (

    select * from {{ ref('int_settlements') }}

)

select
    settlements.item_key,
    settlements.item_type,
    cast(settlements.dimension_set_id as bigint) as dimension_set_id,
    settlements.issue_date,
    settlements.settled_on,
    settlements.valid_from,
    settlements.valid_to,
    settlements.is_settled_by_receipt and settlements.last_receipt_date is not null
        as is_settled_by_receipt,
    settlements.last_receipt_date

from settlements
