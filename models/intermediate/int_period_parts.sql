-- The balances and flows that KPIs are made of, measured once for all families.
-- Amounts in the reporting currency, tax included.
-- Grain: one row per period and slice, from the first movement of the slice on; days not for
-- single customers.
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
{%- set flows = [
    'revenue_amount', 'factored_revenue_amount', 'opening_items_amount', 'collected_amount',
    'collected_late_amount', 'credit_note_amount', 'write_off_amount', 'discount_amount',
    'transferred_amount',
] %}
with

run as (

    select * from {{ ref('int_run') }}

),

{% for basis, relation in [('month_end', 'int_receivables_monthly'), ('day', 'int_receivables_daily')] %}
{{ basis }}_balances as (

    select
        '{{ basis }}' as basis,
        balances.snapshot_date,
        balances.slice_id
        {%- for part, (measure, condition) in balances.items() %},
        coalesce(sum(balances.{{ measure }}) filter (where {{ condition }}), 0) as {{ part }}
        {%- endfor %}
    from {{ ref(relation) }} as balances
    group by balances.snapshot_date, balances.slice_id

),
{% endfor %}
balances as (

    select * from month_end_balances
    union all
    select * from day_balances

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

measured as (

    select
        spine.*
        {%- for part in balances %},
        {{ money('coalesce(closing.' ~ part ~ ', 0)') }} as {{ part }},
        {{ money('coalesce(opening.' ~ part ~ ', 0)') }} as opening_{{ part }}
        {%- endfor %}
        {%- for flow in flows %},
        {{ money('coalesce(flows.' ~ flow ~ ', 0)') }} as {{ flow }}
        {%- endfor %},
        {{ money('sum(coalesce(flows.revenue_amount, 0)) over (
            partition by spine.period_grain, spine.slice_id order by spine.period_start
        )') }} as cumulative_revenue_amount
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

),

months as (

    select
        measured.slice_id,
        measured.as_of_date,
        measured.cumulative_revenue_amount
    from measured
    where measured.period_grain = 'month'

)

select
    measured.*,
    {{ money('measured.receivables_amount - (
        measured.opening_receivables_amount + measured.opening_items_amount
        + measured.revenue_amount - measured.collected_amount - measured.write_off_amount
        - measured.discount_amount + measured.transferred_amount
    )') }} as revaluation_amount,
    run.reporting_currency_code as currency_code
    {%- for months in [3, 12] %}
    {%- set span_start = add_months('measured.last_month_start', 1 - months) %},
    case
        when {{ span_start }} >= {{ period_start('month', 'run.first_movement_date') }}
            then {{ money('measured.cumulative_revenue_amount - coalesce(before_' ~ months ~ 'm.cumulative_revenue_amount, 0)') }}
    end as rolling_{{ months }}m_revenue_amount,
    case
        when {{ span_start }} >= {{ period_start('month', 'run.first_movement_date') }}
            then cast({{ days_between(span_start, 'measured.as_of_date') }} + 1 as integer)
    end as rolling_{{ months }}m_span_days
    {%- endfor %}

from measured
cross join run
{%- for months in [3, 12] %}
left join months as before_{{ months }}m
    on
        measured.slice_id = before_{{ months }}m.slice_id
        and {{ add_days(add_months('measured.last_month_start', 1 - months), -1) }} = before_{{ months }}m.as_of_date
{%- endfor %}
