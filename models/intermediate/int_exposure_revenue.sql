-- Revenue of insured customers, who have a cover at the end of the period, and of those that the
-- policy can cover. In the reporting currency.
-- Grain: one row per period (month, quarter, year) and slice of customer records with a revenue.
with

records as (

    select * from {{ ref('int_customer_records') }}

),

periods as (

    select periods.* from {{ ref('int_periods') }} as periods
    where periods.period_grain <> 'day'

),

months as (

    select
        {{ period_start('month', 'flows.flow_date') }} as month_start,
        dimension_sets.entity_code,
        dimension_sets.customer_code,
        sum(flows.revenue_amount) as revenue_amount
    from {{ ref('int_flows_daily') }} as flows
    inner join {{ ref('int_dimension_sets') }} as dimension_sets
        on flows.dimension_set_id = dimension_sets.dimension_set_id
    where flows.revenue_amount <> 0
    group by
        {{ period_start('month', 'flows.flow_date') }}, dimension_sets.entity_code,
        dimension_sets.customer_code

),

record_months as (

    {% for entity in ['months.entity_code', "'ALL'"] %}
    {{ 'union all' if not loop.first }}
    select
        months.month_start,
        records.record_id,
        months.revenue_amount
    from months
    inner join records
        on {{ entity }} = records.entity_code and months.customer_code = records.customer_code
    {% endfor %}
),

record_periods as (

    {% for grain in ['month', 'quarter', 'year'] %}
    {{ 'union all' if not loop.first }}
    select
        '{{ grain }}' as period_grain,
        {{ period_start(grain, 'record_months.month_start') }} as period_start,
        record_months.record_id,
        sum(record_months.revenue_amount) as revenue_amount
    from record_months
    group by {{ period_start(grain, 'record_months.month_start') }}, record_months.record_id
    {% endfor %}
),

revenue as (

    select
        record_periods.period_grain,
        record_periods.period_start,
        record_periods.record_id,
        case when limits.insured_limit_amount is null then 0 else record_periods.revenue_amount end
            as insured_revenue_amount,
        case when records.is_insurable then record_periods.revenue_amount else 0 end
            as insurable_revenue_amount
    from record_periods
    inner join periods
        on
            record_periods.period_grain = periods.period_grain
            and record_periods.period_start = periods.period_start
    inner join records on record_periods.record_id = records.record_id
    left join {{ ref('int_customer_limits') }} as limits
        on
            periods.as_of_date = limits.as_of_date
            and record_periods.record_id = limits.record_id

)

select
    revenue.period_grain,
    revenue.period_start,
    slices.slice_id,
    {{ money('sum(revenue.insured_revenue_amount)') }} as insured_revenue_amount,
    {{ money('sum(revenue.insurable_revenue_amount)') }} as insurable_revenue_amount

from revenue
inner join {{ ref('int_record_slices') }} as slices on revenue.record_id = slices.record_id
group by revenue.period_grain, revenue.period_start, slices.slice_id
