-- Days, months, quarters and years from the first movement to the as-of date.
-- Grain: one row per period grain and period.
with

periods as (

    select * from {{ ref('int_periods') }}

)

select
    periods.period_grain,
    periods.period_start,
    periods.period_end,
    periods.as_of_date,
    cast(periods.days_in_period as integer) as days_in_period,
    periods.is_period_complete

from periods
