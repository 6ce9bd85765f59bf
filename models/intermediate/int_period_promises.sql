-- Promises that are active at the as-of date of a period, and those kept and broken in it, each
-- amount at the rate and in the slices of its day.
-- Grain: one row per period (month, quarter, year) and slice with any of them.
{%- set amounts = ['active_amount', 'kept_amount', 'broken_amount'] %}
{%- set counts = [
    'active_count', 'kept_count', 'broken_count', 'broken_settled_count',
    'broken_delay_days_count'
] %}
with

periods as (

    select periods.* from {{ ref('int_periods') }} as periods
    where periods.period_grain <> 'day'

),

promises as (

    select * from {{ ref('int_promises') }}

),

events as (

    select
        month_ends.as_of_date as event_date,
        'active' as event_type,
        promises.item_key,
        promises.dimension_set_id,
        promises.currency_code,
        promises.promised_amount,
        0 as delay_days
    from promises
    inner join periods as month_ends
        on
            month_ends.period_grain = 'month'
            and promises.made_on <= month_ends.as_of_date
            and coalesce(promises.kept_on, promises.broken_on, date '9999-12-31')
            > month_ends.as_of_date
    {%- for event, event_date, condition, delay_days in [
        ('kept', 'kept_on', 'promises.kept_on is not null', '0'),
        ('broken', 'broken_on', 'promises.broken_on is not null', '0'),
        (
            'broken_settled', 'reached_on',
            'promises.broken_on is not null and promises.reached_on is not null',
            days_between('promises.promised_date', 'promises.reached_on'),
        ),
    ] %}
    union all

    select
        promises.{{ event_date }} as event_date,
        '{{ event }}' as event_type,
        promises.item_key,
        promises.dimension_set_id,
        promises.currency_code,
        promises.promised_amount,
        {{ delay_days }} as delay_days
    from promises
    where {{ condition }}
    {%- endfor %}

),

sums as (

    select
        events.event_date,
        events.event_type,
        coalesce(item_sets.dimension_set_id, events.dimension_set_id) as dimension_set_id,
        events.currency_code,
        sum(events.promised_amount) as amount,
        count(*) as promise_count,
        sum(events.delay_days) as delay_days
    from events
    {{ dimension_set_of_day('events.item_key', 'events.event_date') }}
    group by
        events.event_date, events.event_type,
        coalesce(item_sets.dimension_set_id, events.dimension_set_id), events.currency_code

),

converted as (

    select
        sums.event_date,
        sums.event_type,
        sums.dimension_set_id,
        {{ convert('sums.amount', 'factors.factor') }} as amount,
        sums.promise_count,
        sums.delay_days
    from sums
    inner join {{ ref('int_fx_factors') }} as factors
        on
            sums.event_date = factors.calendar_date
            and sums.currency_code = factors.currency_code

),

dated as (

    select
        periods.period_grain,
        periods.period_start,
        converted.*
    from converted
    inner join periods on converted.event_date = periods.as_of_date
    where converted.event_type = 'active'
    {%- for grain in ['month', 'quarter', 'year'] %}
    union all

    select
        '{{ grain }}' as period_grain,
        {{ period_start(grain, 'converted.event_date') }} as period_start,
        converted.*
    from converted
    where converted.event_type <> 'active'
    {%- endfor %}

),

set_periods as (

    select
        dated.period_grain,
        dated.period_start,
        dated.dimension_set_id,
        {%- for event in ['active', 'kept', 'broken', 'broken_settled'] %}
        {%- set is_event = "dated.event_type = '" ~ event ~ "'" %}
        {%- if event != 'broken_settled' %}
        sum(dated.amount) filter (where {{ is_event }}) as {{ event }}_amount,
        {%- endif %}
        sum(dated.promise_count) filter (where {{ is_event }}) as {{ event }}_count,
        {%- endfor %}
        sum(dated.delay_days) as broken_delay_days_count
    from dated
    group by dated.period_grain, dated.period_start, dated.dimension_set_id

)

{{ add_up_to_slices(
    'set_periods', ['period_grain', 'period_start'], amounts=amounts, counts=counts
) }}
