-- Monthly figures from the accounts.
-- Grain: one row per entity and month.
with

financials as (

    {{ current_rows('financials') }}

)

select * from financials
