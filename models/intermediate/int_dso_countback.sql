-- Days sales outstanding by exhaustion: how far back the revenue of whole months goes that makes
-- up the receivables.
-- With P the revenue added up from the start of history, month m is the one where the receivables
-- run out when it is the latest with P(m - 1) <= P(end) - receivables.
-- Grain: one row per month-end (or as-of date) and slice.
with

months as (

    select
        parts.slice_id,
        parts.period_start,
        parts.as_of_date,
        parts.days_in_period,
        parts.receivables_amount,
        parts.revenue_amount,
        parts.cumulative_revenue_amount
    from {{ ref('int_period_parts') }} as parts
    where parts.period_grain = 'month'

),

-- The ends of months that the count can stop at; before its first movement a slice had no revenue.
stops as (

    select
        months.slice_id,
        months.as_of_date as stop_date,
        months.cumulative_revenue_amount
    from months

    union all

    select
        months.slice_id,
        {{ add_days('min(months.period_start)', -1) }} as stop_date,
        0 as cumulative_revenue_amount
    from months
    group by months.slice_id

),

exhausted as (

    select
        months.slice_id,
        months.as_of_date,
        max(stops.stop_date) as stop_date
    from months
    inner join stops
        on
            months.slice_id = stops.slice_id
            and months.period_start > stops.stop_date
            -- A thousandth of a cent apart is covered: conversion leaves millionths over, and they
            -- must not cost a month.
            and months.cumulative_revenue_amount - months.receivables_amount + 0.00001
            >= stops.cumulative_revenue_amount
    where months.receivables_amount > 0
    group by months.slice_id, months.as_of_date

)

select
    months.slice_id,
    months.as_of_date,
    case
        when months.receivables_amount = 0 then cast(0 as double)
        when months.receivables_amount > 0
            then
                {{ dso_countback_days(
                    days_after='(' ~ days_between('last_months.as_of_date', 'months.as_of_date') ~ ')',
                    remainder='(months.receivables_amount - months.cumulative_revenue_amount + last_months.cumulative_revenue_amount)',
                    revenue='last_months.revenue_amount',
                    days='last_months.days_in_period',
                ) }}
    end as dso_countback_days

from months
left join exhausted
    on months.slice_id = exhausted.slice_id and months.as_of_date = exhausted.as_of_date
left join months as last_months
    on
        exhausted.slice_id = last_months.slice_id
        and {{ add_days('exhausted.stop_date', 1) }} = last_months.period_start
