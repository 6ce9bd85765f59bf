-- What one unit of any currency with rates is worth in the reporting currency on each day, at the
-- last rate published on or before it, whether documents use it or not.
-- Grain: one row per day and currency, the reporting currency itself included.
with

run as (

    select * from {{ ref('int_run') }}

),

calendar as (

    select * from {{ ref('int_calendar') }}

),

rates as (

    select
        fx_rates.base_currency_code,
        fx_rates.currency_code,
        fx_rates.rate_date as valid_from,
        coalesce(
            lead(fx_rates.rate_date) over (
                partition by fx_rates.base_currency_code, fx_rates.currency_code
                order by fx_rates.rate_date
            ),
            date '9999-12-31'
        ) as valid_to,
        cast(fx_rates.units_per_base as double) as units_per_base
    from {{ ref('stg_fx_rates') }} as fx_rates
    where fx_rates.currency_code <> fx_rates.base_currency_code

    union all

    select distinct
        fx_rates.base_currency_code,
        fx_rates.base_currency_code as currency_code,
        date '0001-01-01' as valid_from,
        date '9999-12-31' as valid_to,
        cast(1 as double) as units_per_base
    from {{ ref('stg_fx_rates') }} as fx_rates

),

-- Where several bases lead to the reporting currency, the reporting currency itself comes first.
quotes as (

    select
        calendar.calendar_date,
        document_rates.currency_code,
        reporting_rates.units_per_base / document_rates.units_per_base as factor,
        case
            when document_rates.base_currency_code = run.reporting_currency_code then ''
            else document_rates.base_currency_code
        end as base_preference
    from calendar
    cross join run
    inner join rates as document_rates
        on
            calendar.calendar_date >= document_rates.valid_from
            and calendar.calendar_date < document_rates.valid_to
    inner join rates as reporting_rates
        on
            document_rates.base_currency_code = reporting_rates.base_currency_code
            and run.reporting_currency_code = reporting_rates.currency_code
            and calendar.calendar_date >= reporting_rates.valid_from
            and calendar.calendar_date < reporting_rates.valid_to
    where document_rates.currency_code <> run.reporting_currency_code

)

select
    quotes.calendar_date,
    quotes.currency_code,
    min_by(quotes.factor, quotes.base_preference) as factor
from quotes
group by quotes.calendar_date, quotes.currency_code

union all

select
    calendar.calendar_date,
    run.reporting_currency_code as currency_code,
    cast(1 as double) as factor
from calendar
cross join run
