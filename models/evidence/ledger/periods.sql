-- The periods that figures are about, with the days their balances are taken and the first days of
-- their rolling spans, which are NULL where a span begins before history does.
-- Grain: one row per period grain and period.
with

periods as (

    select
        periods.*,
        {{ period_start('month', 'periods.as_of_date') }} as last_month_start
    from {{ ref('int_periods') }} as periods

),

run as (

    select
        run.reporting_currency_code,
        {{ period_start('month', 'run.first_movement_date') }} as first_month_start,
        run.as_of_date as run_as_of_date
    from {{ ref('int_run') }} as run

)

select
    periods.period_grain,
    periods.period_start,
    periods.period_end,
    periods.as_of_date,
    periods.opening_date,
    cast(periods.days_in_period as integer) as days_in_period,
    {% for months in [3, 12] %}
    {%- set span_start = add_months('periods.last_month_start', 1 - months) %}
    case when {{ span_start }} >= run.first_month_start then {{ span_start }} end
        as rolling_{{ months }}m_start,
    {% endfor %}
    run.run_as_of_date,
    run.reporting_currency_code

from periods
cross join run
