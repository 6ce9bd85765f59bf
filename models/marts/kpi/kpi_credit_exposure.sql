-- What customers owe against their credit limits and the cover of the insurer, and how concentrated
-- it is. Customers count as a whole, in the segments of their own record.
-- Grain: one row per period (month, quarter, year), entity and segment, from the first document of
-- a customer of the slice on.
{%- set amounts = [
    'receivables_amount', 'positive_receivables_amount', 'limited_receivables_amount',
    'limit_amount', 'insured_limit_amount', 'insured_amount', 'over_limit_amount',
    'high_risk_amount',
] %}
{%- set counts = [
    'customer_with_balance_count', 'over_limit_customer_count', 'no_limit_customer_count',
    'over_cover_customer_count',
] %}
{%- set measures = amounts + counts %}
with

run as (

    select * from {{ ref('int_run') }}

),

periods as (

    select periods.* from {{ ref('int_periods') }} as periods
    where periods.period_grain <> 'day'

),

slices as (

    select
        slices.slice_id,
        slices.entity_code,
        slices.segment_type,
        slices.segment_code,
        min(slices.first_booking_date) as first_booking_date
    from {{ ref('int_record_slices') }} as slices
    group by slices.slice_id, slices.entity_code, slices.segment_type, slices.segment_code

),

classes as (

    select
        classes.*,
        case when classes.is_high_risk then classes.positive_receivables_amount else 0 end
            as high_risk_amount
    from {{ ref('int_exposure_classes') }} as classes

),

-- A single customer has one class.
balances as (

    select
        classes.as_of_date,
        classes.slice_id,
        {{ 'classes.' ~ measures | join(',\n        classes.') }}
    from classes
    where classes.segment_type = 'customer'

    union all

    select
        classes.as_of_date,
        classes.slice_id,
        {{ sum_columns('classes', measures) }}
    from classes
    where classes.segment_type <> 'customer'
    group by classes.as_of_date, classes.slice_id

),

parts as (

    select
        periods.*,
        slices.entity_code,
        slices.segment_type,
        slices.segment_code,
        run.reporting_currency_code as currency_code,
        {% for amount in amounts %}
        {{ money('coalesce(balances.' ~ amount ~ ', 0)') }} as {{ amount }},
        {% endfor %}
        {% for count in counts %}
        cast(coalesce(balances.{{ count }}, 0) as bigint) as {{ count }},
        {% endfor %}
        coalesce(concentration.top_10_amount, 0) as top_10_amount,
        concentration.herfindahl_index,
        coalesce(revenue.insured_revenue_amount, 0) as insured_revenue_amount,
        coalesce(revenue.insurable_revenue_amount, 0) as insurable_revenue_amount
    from periods
    cross join run
    inner join slices on periods.as_of_date >= slices.first_booking_date
    left join balances
        on periods.as_of_date = balances.as_of_date and slices.slice_id = balances.slice_id
    left join {{ ref('int_exposure_concentration') }} as concentration
        on
            periods.as_of_date = concentration.as_of_date
            and slices.slice_id = concentration.slice_id
    left join {{ ref('int_exposure_revenue') }} as revenue
        on
            periods.period_grain = revenue.period_grain
            and periods.period_start = revenue.period_start
            and slices.slice_id = revenue.slice_id

)

select
    {{ slice_columns('parts') }},
    parts.customer_with_balance_count,
    parts.receivables_amount,
    parts.positive_receivables_amount,
    parts.limited_receivables_amount,
    parts.insured_limit_amount,
    parts.insured_revenue_amount,
    parts.insurable_revenue_amount,
    parts.top_10_amount,
    parts.limit_amount,
    {{ utilisation_rate('parts.limited_receivables_amount', 'parts.limit_amount') }}
        as utilisation_rate,
    parts.over_limit_customer_count,
    {{ over_limit_customer_rate(
        'parts.over_limit_customer_count', 'parts.customer_with_balance_count'
    ) }} as over_limit_customer_rate,
    parts.over_limit_amount,
    parts.no_limit_customer_count,
    parts.insured_amount,
    {{ money('parts.positive_receivables_amount - parts.insured_amount') }} as uninsured_amount,
    {{ coverage_rate('parts.insured_amount', 'parts.positive_receivables_amount') }}
        as coverage_rate,
    parts.over_cover_customer_count,
    {{ insured_revenue_rate('parts.insured_revenue_amount', 'parts.insurable_revenue_amount') }}
        as insured_revenue_rate,
    {{ top_10_share('parts.top_10_amount', 'parts.positive_receivables_amount') }} as top_10_share,
    parts.herfindahl_index,
    parts.high_risk_amount

from parts
