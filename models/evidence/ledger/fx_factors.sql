-- What one unit of each currency of the documents is worth in the reporting currency on each day.
-- Grain: one row per day and currency.
with

factors as (

    select * from {{ ref('int_fx_factors') }}

)

select
    factors.calendar_date,
    factors.currency_code,
    factors.factor

from factors
