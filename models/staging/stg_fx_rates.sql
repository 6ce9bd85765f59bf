-- Exchange rates as published.
-- Grain: one row per day, quoted currency and base currency.
with

fx_rates as (

    {{ current_rows('fx_rates') }}

)

select * from fx_rates
