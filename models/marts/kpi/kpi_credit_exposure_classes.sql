-- What customers of each risk class owe, may owe and are covered for.
-- Grain: one row per period (month, quarter, year), entity, segment and risk class in which a
-- customer has a balance, a limit or a cover.
with

run as (

    select * from {{ ref('int_run') }}

),

periods as (

    select periods.* from {{ ref('int_periods') }} as periods
    where periods.period_grain <> 'day'

),

slices as (

    select distinct
        slices.slice_id,
        slices.entity_code,
        slices.segment_type,
        slices.segment_code
    from {{ ref('int_record_slices') }} as slices

),

classes as (

    select classes.* from {{ ref('int_exposure_classes') }} as classes
    where
        classes.customer_with_balance_count > 0
        or classes.receivables_amount <> 0
        or classes.limit_amount <> 0
        or classes.insured_amount <> 0

),

parts as (

    select
        periods.*,
        slices.entity_code,
        slices.segment_type,
        slices.segment_code,
        run.reporting_currency_code as currency_code,
        classes.risk_class,
        classes.is_high_risk,
        classes.customer_with_balance_count,
        classes.receivables_amount,
        classes.limit_amount,
        classes.insured_amount
    from periods
    cross join run
    inner join classes on periods.as_of_date = classes.as_of_date
    inner join slices on classes.slice_id = slices.slice_id

)

select
    {{ slice_columns('parts') }},
    parts.risk_class,
    parts.is_high_risk,
    parts.customer_with_balance_count as customer_count,
    parts.receivables_amount,
    parts.limit_amount,
    parts.insured_amount

from parts
