-- The part of each ageing bucket that is expected to be lost, by the provision matrix of IFRS 9.
-- Grain: one row per month-end, entity (and the group) and ageing bucket.
with

rates as (

    select * from {{ ref('int_loss_rates') }}

),

buckets as (

    select * from {{ ref('ageing_buckets') }}

)

select
    rates.as_of_date,
    rates.entity_code,
    rates.ageing_bucket,
    buckets.days_from,
    buckets.days_to,
    rates.loss_rate

from rates
inner join buckets on rates.ageing_bucket = buckets.ageing_bucket
