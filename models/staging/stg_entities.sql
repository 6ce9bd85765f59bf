-- Legal entities that sell.
-- Grain: one row per entity.
with

entities as (

    {{ current_rows('entities') }}

)

select * from entities
