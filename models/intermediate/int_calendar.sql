-- The days from the first movement to the as-of date, each with the periods that hold it.
-- Grain: one row per day.
with

days as (

    {{ date_series(ref('int_run'), 'first_movement_date', 'as_of_date') }}

)

select
    days.series_date as calendar_date,
    {{ period_start('month', 'days.series_date') }} as month_start,
    {{ period_start('quarter', 'days.series_date') }} as quarter_start,
    {{ period_start('year', 'days.series_date') }} as year_start

from days
