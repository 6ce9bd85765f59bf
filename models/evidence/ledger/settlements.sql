-- The days on which items were settled, each as it was known through time.
-- Grain: one row per item, day settled and interval in which the same is known; `valid_to` is
-- excluded.
with

settlements as (

    select * from {{ ref('int_settlements') }}

)

select
    settlements.item_key,
    settlements.item_type,
    cast(settlements.dimension_set_id as bigint) as dimension_set_id,
    settlements.settled_on,
    settlements.valid_from,
    settlements.valid_to

from settlements
