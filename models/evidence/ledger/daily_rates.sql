-- The rates, fees and legal limits that hold on each day; empty where none does yet.
-- Grain: one row per day.
with

rates as (

    select * from {{ ref('int_daily_rates') }}

)

select
    rates.calendar_date,
    cast(rates.financing_rate as double) as financing_rate,
    cast(rates.late_payment_rate as double) as late_payment_rate,
    cast(rates.max_days_net as integer) as max_days_net,
    cast(rates.max_days_end_of_month as integer) as max_days_end_of_month,
    cast(rates.flat_fee_amount as decimal(18, 2)) as flat_fee_amount,
    rates.flat_fee_currency_code,
    rates.flat_fee_factor

from rates
