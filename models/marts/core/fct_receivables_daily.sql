-- Receivables of every day by ageing bucket, in the reporting currency at the rate of the day.
-- Grain: one row per day, entity (and `ALL`), segment other than customer, and bucket with an item.
with

run as (

    select * from {{ ref('int_run') }}

),

balances as (

    select
        daily.snapshot_date,
        daily.slice_id,
        bands.ageing_bucket,
        sum(daily.open_amount) as open_amount,
        sum(daily.item_count) as item_count,
        sum(daily.disputed_amount) as disputed_amount
    from {{ ref('int_receivables_daily') }} as daily
    inner join {{ ref('int_age_bands') }} as bands on daily.age_band = bands.age_band
    group by daily.snapshot_date, daily.slice_id, bands.ageing_bucket

)

select
    balances.snapshot_date,
    slices.entity_code,
    slices.segment_type,
    slices.segment_code,
    balances.ageing_bucket,
    run.reporting_currency_code as currency_code,
    {{ money('balances.open_amount') }} as open_amount,
    cast(balances.item_count as bigint) as item_count,
    {{ money('balances.disputed_amount') }} as disputed_amount

from balances
cross join run
inner join {{ ref('int_slices') }} as slices on balances.slice_id = slices.slice_id
where balances.open_amount <> 0 or balances.item_count <> 0
