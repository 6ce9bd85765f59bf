-- Days, months, quarters and years without gaps, from the first movement to the as-of date.
-- Grain: one row per period grain and period.
with

run as (

    select * from {{ ref('int_run') }}

),

calendar as (

    select * from {{ ref('int_calendar') }}

),

starts as (

    select
        'day' as period_grain,
        calendar.calendar_date as period_start,
        calendar.calendar_date as period_end
    from calendar
    {% for grain, months in [('month', 1), ('quarter', 3), ('year', 12)] %}
    union all

    select distinct
        '{{ grain }}' as period_grain,
        calendar.{{ grain }}_start as period_start,
        {{ add_days(add_months('calendar.' ~ grain ~ '_start', months), -1) }} as period_end
    from calendar
    {% endfor %}
)

select
    starts.period_grain,
    starts.period_start,
    starts.period_end,
    least(starts.period_end, run.as_of_date) as as_of_date,
    {{ days_between('starts.period_start', 'least(starts.period_end, run.as_of_date)') }} + 1
        as days_in_period,
    starts.period_end <= run.as_of_date as is_period_complete,
    {{ add_days('starts.period_start', -1) }} as opening_date

from starts
cross join run
