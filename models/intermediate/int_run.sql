-- What holds for the whole run: the as-of date, the first movement and the reporting currency.
-- Grain: one row.
with

parameters as (

    select * from {{ source('run', 'run_parameters') }}

),

movements as (

    select
        min(movements.movement_date) as first_movement_date,
        max(movements.movement_date) as last_movement_date
    from {{ ref('int_receivable_movements') }} as movements
    -- A customer that changes an attribute moves nothing of what is owed.
    where movements.movement_type <> 'transfer'

),

dates as (

    select
        parameters.*,
        movements.first_movement_date,
        movements.last_movement_date,
        coalesce(
            parameters.as_of_requested, least(movements.last_movement_date, parameters.run_date)
        ) as as_of_date
    from parameters
    cross join movements

),

-- What the as-of date does not know yet does not decide the currency either.
document_currencies as (

    select
        count(distinct items.currency_code) as currency_count,
        min(items.currency_code) as currency_code
    from {{ ref('int_receivable_items') }} as items
    inner join dates on items.booking_date <= dates.as_of_date

),

base_currencies as (

    select
        count(distinct fx_rates.base_currency_code) as currency_count,
        min(fx_rates.base_currency_code) as currency_code
    from {{ ref('stg_fx_rates') }} as fx_rates

)

select
    dates.run_id,
    dates.first_movement_date,
    dates.last_movement_date,
    dates.as_of_date,
    dates.known_at,
    coalesce(
        dates.reporting_currency_requested,
        case when document_currencies.currency_count = 1 then document_currencies.currency_code end,
        case when base_currencies.currency_count = 1 then base_currencies.currency_code end
    ) as reporting_currency_code

from dates
cross join document_currencies
cross join base_currencies
