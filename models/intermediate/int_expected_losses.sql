-- What is expected to be lost of what is open at each month-end and at the as-of date, by the
-- provision matrix of IFRS 9. In the reporting currency.
-- Grain: one row per month-end and slice in which something is open or not yet due.
with

balances as (

    select
        monthly.snapshot_date as as_of_date,
        monthly.slice_id,
        slices.entity_code,
        bands.ageing_bucket,
        monthly.open_amount
    from {{ ref('int_receivables_monthly') }} as monthly
    inner join {{ ref('int_slices') }} as slices on monthly.slice_id = slices.slice_id
    inner join {{ ref('int_age_bands') }} as bands on monthly.age_band = bands.age_band

)

select
    balances.as_of_date,
    balances.slice_id,
    {{ money('sum(' ~ expected_credit_loss('balances.open_amount', 'rates.loss_rate') ~ ')') }}
        as expected_credit_loss_amount

from balances
inner join {{ ref('int_loss_rates') }} as rates
    on
        balances.as_of_date = rates.as_of_date
        and balances.entity_code = rates.entity_code
        and balances.ageing_bucket = rates.ageing_bucket
group by balances.as_of_date, balances.slice_id
