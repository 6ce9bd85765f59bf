-- What customers owe, may owe and are covered for at each month-end and at the as-of date, added up
-- by slice and risk class. Amounts in the reporting currency.
-- Grain: one row per month-end, slice of customer records and risk class.
{%- set amounts = [
    'receivables_amount', 'positive_receivables_amount', 'limited_receivables_amount',
    'limit_amount', 'insured_limit_amount', 'insured_amount', 'over_limit_amount',
] %}
{%- set counts = {
    'customer_with_balance_count': 'has_balance',
    'over_limit_customer_count': 'is_over_limit',
    'no_limit_customer_count': 'is_without_limit',
    'over_cover_customer_count': 'is_over_cover',
} %}
with

exposures as (

    select
        exposures.as_of_date,
        exposures.record_id,
        exposures.risk_class,
        exposures.receivables_amount,
        exposures.positive_receivables_amount,
        case when exposures.limit_amount is null then 0 else exposures.receivables_amount end
            as limited_receivables_amount,
        coalesce(exposures.limit_amount, 0) as limit_amount,
        coalesce(exposures.insured_limit_amount, 0) as insured_limit_amount,
        exposures.insured_amount,
        exposures.over_limit_amount,
        exposures.has_balance,
        exposures.is_over_limit,
        case when exposures.limit_amount is null then exposures.has_balance else 0 end
            as is_without_limit,
        exposures.is_over_cover
    from {{ ref('int_customer_exposure') }} as exposures

),

record_slices as (

    select * from {{ ref('int_record_slices') }}

),

-- A slice of a single customer has nothing to add up.
classes as (

    select
        exposures.as_of_date,
        record_slices.slice_id,
        record_slices.segment_type,
        {% for amount in amounts %}
        {{ money('exposures.' ~ amount) }} as {{ amount }},
        {% endfor %}
        {% for count, marker in counts.items() %}
        cast(exposures.{{ marker }} as bigint) as {{ count }},
        {% endfor %}
        exposures.risk_class
    from exposures
    inner join record_slices on exposures.record_id = record_slices.record_id
    where record_slices.segment_type = 'customer'

    union all

    select
        exposures.as_of_date,
        record_slices.slice_id,
        record_slices.segment_type,
        {% for amount in amounts %}
        {{ money('sum(exposures.' ~ amount ~ ')') }} as {{ amount }},
        {% endfor %}
        {% for count, marker in counts.items() %}
        cast(sum(exposures.{{ marker }}) as bigint) as {{ count }},
        {% endfor %}
        exposures.risk_class
    from exposures
    inner join record_slices on exposures.record_id = record_slices.record_id
    where record_slices.segment_type <> 'customer'
    group by
        exposures.as_of_date, record_slices.slice_id, record_slices.segment_type,
        exposures.risk_class

)

select
    classes.*,
    coalesce(risk_classes.is_high_risk, false) as is_high_risk

from classes
left join {{ ref('risk_classes') }} as risk_classes
    on classes.risk_class = risk_classes.risk_class
