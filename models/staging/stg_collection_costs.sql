-- Cost of collecting.
-- Grain: one row per entity, month and category.
with

collection_costs as (

    {{ current_rows('collection_costs') }}

)

select * from collection_costs
