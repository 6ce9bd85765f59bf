-- Two ways to one figure: items read from their history at a month-end, and movements rolled
-- through the age bands day by day. The tolerance is half a cent, far above the millionth to which
-- both round.
with

month_ends as (

    select distinct periods.as_of_date
    from {{ ref('int_periods') }} as periods
    where periods.period_grain = 'month'

),

monthly as (

    select monthly.*
    from {{ ref('int_receivables_monthly') }} as monthly
    inner join {{ ref('int_slices') }} as slices on monthly.slice_id = slices.slice_id
    where slices.segment_type <> 'customer'

),

daily as (

    select daily.*
    from {{ ref('int_receivables_daily') }} as daily
    inner join month_ends on daily.snapshot_date = month_ends.as_of_date

),

from_items as (

    select
        monthly.snapshot_date,
        monthly.slice_id,
        sum(monthly.theoretical_amount) as amount
    from monthly
    group by monthly.snapshot_date, monthly.slice_id

),

from_days as (

    select
        daily.snapshot_date,
        daily.slice_id,
        sum(daily.theoretical_amount) as amount
    from daily
    group by daily.snapshot_date, daily.slice_id

)

select
    'On ' || cast(coalesce(monthly.snapshot_date, daily.snapshot_date) as varchar) || ', slice '
    || cast(coalesce(monthly.slice_id, daily.slice_id) as varchar) || ', age band '
    || cast(coalesce(monthly.age_band, daily.age_band) as varchar) || ': the items hold '
    || cast(coalesce(monthly.open_amount, 0) as varchar) || ' in '
    || cast(coalesce(monthly.item_count, 0) as varchar) || ', the daily balances '
    || cast(coalesce(daily.open_amount, 0) as varchar) || ' in '
    || cast(coalesce(daily.item_count, 0) as varchar) as message
from monthly
full outer join daily
    on
        monthly.snapshot_date = daily.snapshot_date
        and monthly.slice_id = daily.slice_id
        and monthly.age_band = daily.age_band
where
    abs(coalesce(monthly.open_amount, 0) - coalesce(daily.open_amount, 0)) >= 0.005
    or abs(coalesce(monthly.factored_amount, 0) - coalesce(daily.factored_amount, 0)) >= 0.005
    or abs(coalesce(monthly.disputed_amount, 0) - coalesce(daily.disputed_amount, 0)) >= 0.005
    or coalesce(monthly.item_count, 0) <> coalesce(daily.item_count, 0)

union all

-- What would be open if everyone paid on the due date has no age band of its own.
select
    'On ' || cast(month_ends.as_of_date as varchar) || ', slice '
    || cast(slices.slice_id as varchar)
    || ': the theoretical receivables differ between items and daily balances' as message
from month_ends
cross join {{ ref('int_slices') }} as slices
left join from_items
    on month_ends.as_of_date = from_items.snapshot_date and slices.slice_id = from_items.slice_id
left join from_days
    on month_ends.as_of_date = from_days.snapshot_date and slices.slice_id = from_days.slice_id
where
    slices.segment_type <> 'customer'
    and abs(coalesce(from_items.amount, 0) - coalesce(from_days.amount, 0)) >= 0.005
