-- What collecting cost in a period: the months begun by its as-of date, in the reporting currency.
-- Grain: one row per period (month, quarter, year) and entity (and the group) with a cost.
with

periods as (

    select * from {{ ref('int_periods') }}

),

monthly as (

    select
        monthly.entity_code,
        monthly.period_month,
        monthly.cost_amount
    from {{ ref('stg_collection_costs') }} as monthly

    union all

    select
        'ALL' as entity_code,
        monthly.period_month,
        monthly.cost_amount
    from {{ ref('stg_collection_costs') }} as monthly

)
{% for grain in ['month', 'quarter', 'year'] %}
{{ 'union all' if not loop.first }}

select
    periods.period_grain,
    periods.period_start,
    monthly.entity_code,
    {{ money('sum(monthly.cost_amount)') }} as collection_cost_amount
from monthly
inner join periods
    on
        periods.period_grain = '{{ grain }}'
        and {{ period_start(grain, 'monthly.period_month') }} = periods.period_start
where monthly.period_month <= periods.as_of_date
group by periods.period_grain, periods.period_start, monthly.entity_code
{% endfor %}
