-- What customers owe, may owe and are covered for at each month-end and at the as-of date, added up
-- by slice and risk class. Amounts in the reporting currency.
-- Grain: one row per month-end, slice of customer records and risk class.
with

exposures as (

    select * from {{ ref('int_customer_exposure') }}

),

classes as (

    select
        exposures.as_of_date,
        slices.slice_id,
        exposures.risk_class,
        cast(sum(exposures.has_balance) as bigint) as customer_with_balance_count,
        {{ money('sum(exposures.receivables_amount)') }} as receivables_amount,
        {{ money('sum(exposures.positive_receivables_amount)') }} as positive_receivables_amount,
        {{ money('coalesce(sum(exposures.receivables_amount)
            filter (where exposures.limit_amount is not null), 0)') }}
            as limited_receivables_amount,
        {{ money('coalesce(sum(exposures.limit_amount), 0)') }} as limit_amount,
        {{ money('coalesce(sum(exposures.insured_limit_amount), 0)') }} as insured_limit_amount,
        {{ money('sum(exposures.insured_amount)') }} as insured_amount,
        cast(sum(exposures.is_over_limit) as bigint) as over_limit_customer_count,
        {{ money('coalesce(sum(exposures.receivables_amount - exposures.limit_amount)
            filter (where exposures.is_over_limit = 1), 0)') }} as over_limit_amount,
        coalesce(
            cast(
                sum(exposures.has_balance) filter (where exposures.limit_amount is null) as bigint
            ), 0
        ) as no_limit_customer_count,
        cast(sum(exposures.is_over_cover) as bigint) as over_cover_customer_count
    from exposures
    inner join {{ ref('int_record_slices') }} as slices
        on exposures.record_id = slices.record_id
    group by exposures.as_of_date, slices.slice_id, exposures.risk_class

)

select
    classes.*,
    coalesce(risk_classes.is_high_risk, false) as is_high_risk

from classes
left join {{ ref('risk_classes') }} as risk_classes
    on classes.risk_class = risk_classes.risk_class
