-- Revenue of insured customers, who have a cover at the end of the period, and of those that the
-- policy can cover, by the record of that day. In the reporting currency.
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

customer_periods as (

    {% for grain in ['month', 'quarter', 'year'] %}
    {%- for entity in ['months.entity_code', "'ALL'"] %}
    {{ 'union all' if not (loop.first and grain == 'month') }}
    select
        '{{ grain }}' as period_grain,
        {{ period_start(grain, 'months.month_start') }} as period_start,
        {{ entity }} as entity_code,
        months.customer_code,
        sum(months.revenue_amount) as revenue_amount
    from months
    group by
        {{ period_start(grain, 'months.month_start') }}, months.customer_code
        {{- ', months.entity_code' if loop.first }}
    {%- endfor %}
    {% endfor %}
),

revenue as (

    select
        periods.period_grain,
        periods.period_start,
        records.record_id,
        case
            when limits.insured_limit_amount is null then 0 else customer_periods.revenue_amount
        end as insured_revenue_amount,
        case when records.is_insurable then customer_periods.revenue_amount else 0 end
            as insurable_revenue_amount
    from customer_periods
    inner join periods
        on
            customer_periods.period_grain = periods.period_grain
            and customer_periods.period_start = periods.period_start
    inner join records
        on
            customer_periods.entity_code = records.entity_code
            and customer_periods.customer_code = records.customer_code
            and periods.as_of_date >= records.valid_from
            and periods.as_of_date < records.valid_to
    left join {{ ref('int_customer_limits') }} as limits
        on
            periods.as_of_date = limits.as_of_date
            and records.record_id = limits.record_id

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
