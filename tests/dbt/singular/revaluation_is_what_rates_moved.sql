-- The roll-forward closes: what opening, flows and closing leave over is yesterday's balance in
-- each currency times the move of its rate, added up over the days of the period; nothing within
-- one currency. The tolerance is half a cent: flows are rounded to a millionth per dimension set.
with

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
        factors.calendar_date,
        series.entity_code,
        coalesce(
            sum(movements.amount) over (
                partition by series.entity_code, series.currency_code
                order by factors.calendar_date
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as previous_amount,
        factors.factor - lag(factors.factor) over (
            partition by series.entity_code, series.currency_code
            order by factors.calendar_date
        ) as factor_change
    from series
    inner join {{ ref('int_fx_factors') }} as factors
        on
            series.currency_code = factors.currency_code
            and series.first_date <= factors.calendar_date
    left join movements
        on
            factors.calendar_date = movements.movement_date
            and series.entity_code = movements.entity_code
            and series.currency_code = movements.currency_code

),

expected as (

    select
        periods.period_grain,
        periods.period_start,
        balances.entity_code,
        sum(balances.previous_amount * coalesce(balances.factor_change, 0)) as amount
    from balances
    inner join {{ ref('int_periods') }} as periods
        on balances.calendar_date between periods.period_start and periods.as_of_date
    group by periods.period_grain, periods.period_start, balances.entity_code

)

select
    parts.period_grain || ' ' || cast(parts.period_start as varchar) || ', entity '
    || parts.entity_code || ': opening, flows and closing leave '
    || cast(parts.revaluation_amount as varchar) || ' over, rates explain '
    || cast(coalesce(expected.amount, 0) as varchar) as message
from {{ ref('int_period_parts') }} as parts
left join expected
    on
        parts.period_grain = expected.period_grain
        and parts.period_start = expected.period_start
        and parts.entity_code = expected.entity_code
where
    parts.segment_type = 'all'
    and parts.entity_code <> 'ALL'
    and abs(parts.revaluation_amount - coalesce(expected.amount, 0)) >= 0.005
