-- Disputes and reasons of non-payment that opened and closed in a period, and those open at its
-- as-of date, each amount at the rate of its day.
-- Grain: one row per period (month, quarter, year), slice, kind and reason with any of them.
{%- set counts = [
    'opened_count', 'closed_count', 'resolution_days_count', 'open_count', 'over_30_days_count'
] %}
{%- set amounts = ['opened_amount', 'closed_amount', 'open_amount', 'over_30_days_amount'] %}
{%- set is_last_month =
    'months.month_start = ' ~ period_start('month', 'periods.as_of_date') %}
with

periods as (

    select periods.* from {{ ref('int_periods') }} as periods
    where periods.period_grain <> 'day'

),

-- By number: slices make many rows, and numbers add up faster than texts.
reasons as (

    select
        cases.reason_kind,
        cases.reason_code,
        row_number() over (order by cases.reason_kind, cases.reason_code) as reason_id
    from {{ ref('int_dispute_case_days') }} as cases
    group by cases.reason_kind, cases.reason_code

),

case_days as (

    select
        covers.*,
        reasons.reason_id,
        {{ period_start('month', 'covers.case_day') }} as month_start,
        {{ days_between('covers.opened_on', 'covers.case_day') }} > 30 as is_over_30
    from {{ ref('int_dispute_case_days') }} as covers
    inner join reasons
        on covers.reason_kind = reasons.reason_kind and covers.reason_code = reasons.reason_code

),

events as (

    select
        case_days.case_day as rate_date,
        case_days.month_start,
        'opened' as event_type,
        case_days.dimension_set_id,
        case_days.currency_code,
        case_days.reason_id,
        case_days.covered_amount as amount,
        0 as resolution_days
    from case_days
    where case_days.case_day = case_days.opened_on

    union all

    select
        case_days.case_day as rate_date,
        {{ period_start('month', 'case_days.closed_on') }} as month_start,
        'closed' as event_type,
        coalesce(item_sets.dimension_set_id, case_days.dimension_set_id) as dimension_set_id,
        case_days.currency_code,
        case_days.reason_id,
        case_days.covered_amount as amount,
        {{ days_between('case_days.opened_on', 'case_days.closed_on') }} as resolution_days
    from case_days
    {{ dimension_set_of_day('case_days.item_key', 'case_days.closed_on') }}
    where
        case_days.case_day
        = greatest(case_days.opened_on, {{ add_days('case_days.closed_on', -1) }})
        and case_days.closed_on is not null

    union all

    select
        case_days.case_day as rate_date,
        case_days.month_start,
        case when case_days.is_over_30 then 'open_over_30' else 'open' end as event_type,
        case_days.dimension_set_id,
        case_days.currency_code,
        case_days.reason_id,
        case_days.covered_amount as amount,
        0 as resolution_days
    from case_days
    inner join periods as month_ends
        on month_ends.period_grain = 'month' and case_days.case_day = month_ends.as_of_date
    where case_days.is_open

),

sums as (

    select
        events.rate_date,
        events.month_start,
        events.event_type,
        events.dimension_set_id,
        events.currency_code,
        events.reason_id,
        sum(events.amount) as amount,
        count(*) as case_count,
        sum(events.resolution_days) as resolution_days
    from events
    group by
        events.rate_date, events.month_start, events.event_type, events.dimension_set_id,
        events.currency_code, events.reason_id

),

converted as (

    select
        sums.month_start,
        sums.event_type,
        sums.dimension_set_id,
        sums.reason_id,
        {{ convert('sums.amount', 'factors.factor') }} as amount,
        sums.case_count,
        sums.resolution_days
    from sums
    inner join {{ ref('int_fx_factors') }} as factors
        on
            sums.rate_date = factors.calendar_date
            and sums.currency_code = factors.currency_code

),

set_months as (

    select
        converted.month_start,
        converted.dimension_set_id,
        converted.reason_id,
        {%- for measure, suffix in [('amount', 'amount'), ('case_count', 'count')] %}
        {%- for column, condition in [
            ('opened', "converted.event_type = 'opened'"),
            ('closed', "converted.event_type = 'closed'"),
            ('open', "converted.event_type in ('open', 'open_over_30')"),
            ('over_30_days', "converted.event_type = 'open_over_30'"),
        ] %}
        coalesce(sum(converted.{{ measure }}) filter (where {{ condition }}), 0)
            as {{ column }}_{{ suffix }},
        {%- endfor %}
        {%- endfor %}
        sum(converted.resolution_days) as resolution_days_count
    from converted
    group by converted.month_start, converted.dimension_set_id, converted.reason_id

),

months as (

    {{ add_up_to_slices(
        'set_months', ['month_start', 'reason_id'], amounts=amounts, counts=counts
    ) }}

),

-- What is open at the end of a quarter or year is what is open in its last month.
totals as (

    {% for grain in ['month', 'quarter', 'year'] %}
    {{ 'union all' if not loop.first }}
    select
        periods.period_grain,
        periods.period_start,
        months.slice_id,
        {% for count in counts[:3] %}
        cast(sum(months.{{ count }}) as bigint) as {{ count }},
        {% endfor %}
        {% for amount in amounts[:2] %}
        {{ money('sum(months.' ~ amount ~ ')') }} as {{ amount }},
        {% endfor %}
        {% for count in counts[3:] %}
        cast(sum(case when {{ is_last_month }} then months.{{ count }} else 0 end) as bigint)
            as {{ count }},
        {% endfor %}
        {% for amount in amounts[2:] %}
        {{ money('sum(case when ' ~ is_last_month ~ ' then months.' ~ amount ~ ' else 0 end)') }}
            as {{ amount }},
        {% endfor %}
        months.reason_id
    from months
    inner join periods
        on
            periods.period_grain = '{{ grain }}'
            and {{ period_start(grain, 'months.month_start') }} = periods.period_start
    group by
        periods.period_grain, periods.period_start, months.slice_id, months.reason_id
    {% endfor %}
)

select
    totals.period_grain,
    totals.period_start,
    totals.slice_id,
    reasons.reason_kind,
    reasons.reason_code,
    {% for count in counts %}
    totals.{{ count }},
    {% endfor %}
    totals.{{ amounts | join(',\n    totals.') }}

from totals
inner join reasons on totals.reason_id = reasons.reason_id
