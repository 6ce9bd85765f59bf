-- Figures of the accounts by period, in the reporting currency. A figure has no value where one of
-- its months is missing, and none for the group where it is missing for an entity with documents.
-- Grain: one row per period (month, quarter, year) and entity (and the group).
{%- set flows = {
    'cost_of_goods_sold': 'cost_of_goods_sold_amount',
    'purchases_amount': 'purchases_amount',
    'ebitda_amount': 'ebitda_amount',
    'cash_flow_amount': 'cash_flow_amount',
    'free_cash_flow_amount': 'free_cash_flow_amount',
} %}
{%- set stocks = {
    'opening_inventory_amount': ('inventory_amount', 'months.is_opening'),
    'inventory_amount': ('inventory_amount', 'months.is_last'),
    'payables_amount': ('payables_amount', 'months.is_last'),
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
        {{ add_months('periods.period_start', 'offsets.month_offset') }} as month_start
    from {{ ref('int_periods') }} as periods
    cross join (
        values (-1){% for month in range(12) %}, ({{ month }}){% endfor %}
    ) as offsets (month_offset)
    where
        periods.period_grain <> 'day'
        and {{ add_months('periods.period_start', 'offsets.month_offset') }} <= periods.as_of_date

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
    members.entity_code,
    {% for column, name in flows.items() %}
    {{ money(sum_if_complete('financials.' ~ column, 'months.is_within')) }} as {{ name }},
    {% endfor %}
    {% for name, (column, condition) in stocks.items() %}
    {{ money(sum_if_complete('financials.' ~ column, condition)) }} as {{ name }}
    {{- ',' if not loop.last }}
    {% endfor %}

from months
cross join members
left join financials
    on
        months.month_start = financials.period_month
        and members.member_entity_code = financials.entity_code
group by months.period_grain, months.period_start, members.entity_code
