-- For each entity and day, the sum of the buckets is the sum of all movements up to that day.
-- The tolerance is half a cent: balances are rounded to a millionth once per bucket.
with

calendar as (

    select * from {{ ref('int_calendar') }}

),

movements as (

    select
        movements.entity_code,
        movements.currency_code,
        movements.movement_date,
        sum(movements.movement_amount) as amount
    from {{ ref('int_receivable_movements') }} as movements
    group by movements.entity_code, movements.currency_code, movements.movement_date

),

series as (

    select
        movements.entity_code,
        movements.currency_code,
        min(movements.movement_date) as first_date
    from movements
    group by movements.entity_code, movements.currency_code

),

balances as (

    select
        calendar.calendar_date,
        series.entity_code,
        series.currency_code,
        sum(coalesce(movements.amount, 0)) over (
            partition by series.entity_code, series.currency_code
            order by calendar.calendar_date
        ) as amount
    from calendar
    inner join series on calendar.calendar_date >= series.first_date
    left join movements
        on
            calendar.calendar_date = movements.movement_date
            and series.entity_code = movements.entity_code
            and series.currency_code = movements.currency_code

),

ledger as (

    select
        balances.calendar_date,
        balances.entity_code,
        sum(balances.amount * factors.factor) as amount
    from balances
    inner join {{ ref('int_fx_factors') }} as factors
        on
            balances.calendar_date = factors.calendar_date
            and balances.currency_code = factors.currency_code
    group by balances.calendar_date, balances.entity_code

),

buckets as (

    select
        daily.snapshot_date,
        daily.entity_code,
        sum(daily.open_amount) as amount
    from {{ ref('fct_receivables_daily') }} as daily
    where daily.segment_type = 'all' and daily.entity_code <> 'ALL'
    group by daily.snapshot_date, daily.entity_code

)

select
    'Entity ' || ledger.entity_code || ' on ' || cast(ledger.calendar_date as varchar)
    || ': the buckets hold ' || cast(coalesce(buckets.amount, 0) as varchar)
    || ', the movements ' || cast(ledger.amount as varchar) as message
from ledger
left join buckets
    on
        ledger.calendar_date = buckets.snapshot_date
        and ledger.entity_code = buckets.entity_code
where abs(ledger.amount - coalesce(buckets.amount, 0)) >= 0.005
