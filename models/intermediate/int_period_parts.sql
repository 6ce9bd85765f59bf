-- The balances and flows that KPIs are made of, measured once for all families.
-- Amounts in the reporting currency, tax included.
-- Grain: one row per period and slice, from the first movement or provision of the slice on; days
-- not for single customers.
{%- set bases = {'month_end': 'int_receivables_monthly', 'day': 'int_receivables_daily'} %}
{%- set balances = {
    'receivables_amount': ('open_amount', 'true'),
    'open_invoices_amount': ('open_amount', 'balances.age_band <> ' ~ unallocated_band()),
    'unallocated_amount': ('open_amount', 'balances.age_band = ' ~ unallocated_band()),
    'undated_amount': ('open_amount', 'balances.age_band = ' ~ undated_band()),
    'not_due_amount': ('open_amount', 'balances.age_band <= 0'),
    'overdue_amount': ('open_amount', 'balances.age_band between 1 and ' ~ last_age_day()),
    'over_30_amount': ('open_amount', 'balances.age_band between 31 and ' ~ last_age_day()),
    'over_60_amount': ('open_amount', 'balances.age_band between 61 and ' ~ last_age_day()),
    'over_90_amount': ('open_amount', 'balances.age_band between 91 and ' ~ last_age_day()),
    'theoretical_receivables_amount': ('theoretical_amount', 'true'),
    'factored_receivables_amount': ('factored_amount', 'true'),
} %}
with

run as (

    select * from {{ ref('int_run') }}

),

balances as (

    {% for basis in bases %}
    {{ 'union all' if not loop.first }}
    select
        '{{ basis }}' as basis,
        balances.snapshot_date,
        {% for part, (measure, condition) in balances.items() %}
        {{ money('coalesce(sum(balances.' ~ measure ~ ') filter (where ' ~ condition ~ '), 0)') }}
            as {{ part }},
        {% endfor %}
        balances.slice_id
    from {{ ref(bases[basis]) }} as balances
    group by balances.snapshot_date, balances.slice_id
    {% endfor %}

),

spine as (

    select
        periods.*,
        case when periods.period_grain = 'day' then 'day' else 'month_end' end as basis,
        {{ period_start('month', 'periods.as_of_date') }} as last_month_start,
        slices.slice_id,
        slices.entity_code,
        slices.segment_type,
        slices.segment_code
    from {{ ref('int_periods') }} as periods
    inner join {{ ref('int_slices') }} as slices
        on periods.as_of_date >= slices.first_movement_date
    where periods.period_grain <> 'day' or slices.segment_type <> 'customer'

),

-- Apart from the other parts: a window carries along every column that it is given.
revenue as (

    select
        spine.period_grain,
        spine.period_start,
        spine.slice_id,
        {{ money('sum(coalesce(flows.revenue_amount, 0)) over slice_periods') }}
            as cumulative_revenue_amount
    from spine
    left join {{ ref('int_period_flows') }} as flows
        on
            spine.period_grain = flows.period_grain
            and spine.period_start = flows.period_start
            and spine.slice_id = flows.slice_id
    window slice_periods as (
        partition by spine.period_grain, spine.slice_id order by spine.period_start
    )

),

measured as (

    select
        spine.*,
        {% for part in balances %}
        coalesce(closing.{{ part }}, 0) as {{ part }},
        coalesce(opening.{{ part }}, 0) as opening_{{ part }},
        {% endfor %}
        {% for flow in flow_columns() %}
        {{ money('coalesce(flows.' ~ flow ~ ', 0)') }} as {{ flow }},
        {% endfor %}
        revenue.cumulative_revenue_amount
    from spine
    left join balances as closing
        on
            spine.basis = closing.basis
            and spine.as_of_date = closing.snapshot_date
            and spine.slice_id = closing.slice_id
    left join balances as opening
        on
            spine.basis = opening.basis
            and spine.opening_date = opening.snapshot_date
            and spine.slice_id = opening.slice_id
    left join {{ ref('int_period_flows') }} as flows
        on
            spine.period_grain = flows.period_grain
            and spine.period_start = flows.period_start
            and spine.slice_id = flows.slice_id
    inner join revenue
        on
            spine.period_grain = revenue.period_grain
            and spine.period_start = revenue.period_start
            and spine.slice_id = revenue.slice_id

),

months as (

    select
        measured.slice_id,
        measured.as_of_date,
        measured.cumulative_revenue_amount
    from measured
    where measured.period_grain = 'month'

),

spans as (

    select
        measured.*,
        run.reporting_currency_code as currency_code,
        {{ period_start('month', 'run.first_movement_date') }} as first_month_start,
        {{ add_months('measured.last_month_start', -2) }} as span_3m_start,
        {{ add_months('measured.last_month_start', -11) }} as span_12m_start
    from measured
    cross join run

)

select
    spans.*,
    {{ money('spans.receivables_amount - (
        spans.opening_receivables_amount + spans.opening_items_amount
        + spans.revenue_amount - spans.collected_amount - spans.write_off_amount
        - spans.discount_amount + spans.transferred_amount
    )') }} as revaluation_amount,
    {{ rolling_revenue('spans', 'before_3m', '3m') }} as rolling_3m_revenue_amount,
    {{ rolling_days('spans', '3m') }} as rolling_3m_span_days,
    {{ rolling_revenue('spans', 'before_12m', '12m') }} as rolling_12m_revenue_amount,
    {{ rolling_days('spans', '12m') }} as rolling_12m_span_days

from spans
left join months as before_3m
    on
        spans.slice_id = before_3m.slice_id
        and {{ add_days('spans.span_3m_start', -1) }} = before_3m.as_of_date
left join months as before_12m
    on
        spans.slice_id = before_12m.slice_id
        and {{ add_days('spans.span_12m_start', -1) }} = before_12m.as_of_date
