-- Stock of provisions for doubtful receivables.
-- Grain: one row per entity, customer and day.
with

provisions as (

    {{ current_rows('provisions') }}

)

select * from provisions
