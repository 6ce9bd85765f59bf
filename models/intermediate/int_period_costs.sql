-- What collecting cost in a period: the months begun by its as-of date, in the reporting currency.
-- Grain: one row per period (month, quarter, year) and entity (and the group) with a cost.
with

periods as (

    select * from {{ ref('int_periods') }}

),

costs as (

    select
        costs.entity_code,
        costs.period_month,
        costs.cost_amount
    from {{ ref('stg_collection_costs') }} as costs

    union all

    select
        'ALL' as entity_code,
        costs.period_month,
        costs.cost_amount
    from {{ ref('stg_collection_costs') }} as costs

)
{% for grain in ['month', 'quarter', 'year'] %}
{{ 'union all' if not loop.first }}

select
    periods.period_grain,
    periods.period_start,
    costs.entity_code,
    {{ money('sum(costs.cost_amount)') }} as collection_cost_amount
from costs
inner join periods
    on
        periods.period_grain = '{{ grain }}'
        and {{ period_start(grain, 'costs.period_month') }} = periods.period_start
where costs.period_month <= periods.as_of_date
group by periods.period_grain, periods.period_start, costs.entity_code
{% endfor %}
