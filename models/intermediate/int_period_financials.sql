-- Figures of the accounts by period, in the reporting currency. A figure has no value where one of
-- its months is missing, and none for the group where it is missing for an entity with documents.
-- Grain: one row per period (month, quarter, year) and entity (and the group).
{%- set measures = {
    'cost_of_goods_sold_amount': ('cost_of_goods_sold', 'is_within'),
    'purchases_amount': ('purchases_amount', 'is_within'),
    'ebitda_amount': ('ebitda_amount', 'is_within'),
    'cash_flow_amount': ('cash_flow_amount', 'is_within'),
    'free_cash_flow_amount': ('free_cash_flow_amount', 'is_within'),
    'opening_inventory_amount': ('inventory_amount', 'is_opening'),
    'inventory_amount': ('inventory_amount', 'is_last'),
    'payables_amount': ('payables_amount', 'is_last'),
} %}
with

financials as (

    select * from {{ ref('stg_financials') }}

),

-- From the month before the period to the one that holds its as-of date.
period_months as (

    select
        periods.period_grain,
        periods.period_start,
        periods.as_of_date,
        {{ add_months('periods.period_start', 'steps.step') }} as month_start
    from {{ ref('int_periods') }} as periods
    cross join (
        values
        {% for step in range(-1, 12) %}
        ({{ step }}){{ ',' if not loop.last }}
        {% endfor %}
    ) as steps (step)
    where
        periods.period_grain <> 'day'
        and {{ add_months('periods.period_start', 'steps.step') }} <= periods.as_of_date

),

months as (

    select
        period_months.period_grain,
        period_months.period_start,
        period_months.month_start,
        period_months.month_start < period_months.period_start as is_opening,
        period_months.month_start >= period_months.period_start as is_within,
        period_months.month_start = {{ period_start('month', 'period_months.as_of_date') }}
            as is_last
    from period_months

),

members as (

    {% for entity in ['slices.entity_code', "'ALL'"] %}
    {{ 'union all' if not loop.first }}
    select
        {{ entity }} as entity_code,
        slices.entity_code as member_entity_code
    from {{ ref('int_slices') }} as slices
    where slices.segment_type = 'all' and slices.entity_code <> 'ALL'
    {% endfor %}
)

select
    months.period_grain,
    months.period_start,
    {% for name, (column, month) in measures.items() %}
    {{ money(sum_if_complete('financials.' ~ column, 'months.' ~ month)) }} as {{ name }},
    {% endfor %}
    members.entity_code

from months
cross join members
left join financials
    on
        months.month_start = financials.period_month
        and members.member_entity_code = financials.entity_code
group by months.period_grain, months.period_start, members.entity_code
