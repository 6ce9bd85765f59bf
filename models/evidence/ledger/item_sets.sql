-- The combinations through time of the items whose customer changed an attribute after they were
-- booked; all others have the same on all days.
-- Grain: one row per item and interval; `valid_to` is excluded.
with

item_sets as (

    select * from {{ ref('int_item_dimension_sets') }}

)

select
    item_sets.item_key,
    item_sets.valid_from,
    item_sets.valid_to,
    cast(item_sets.dimension_set_id as bigint) as dimension_set_id

from item_sets
