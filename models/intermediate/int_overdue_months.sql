-- How much each item was overdue in each month: its balance added up over the days, as such and
-- times the yearly rates of the days, converted at the rate of each day. Taken from running sums of
-- the factors, so that no item is repeated for every day; added up as decimals, whose sum does not
-- depend on the order.
-- Grain: one row per item, dimension set and month with a day at whose end it is overdue in it.
with

run as (

    select * from {{ ref('int_run') }}

),

months as (

    select periods.* from {{ ref('int_periods') }} as periods
    where periods.period_grain = 'month'

),

factors as (

    select
        factors.calendar_date,
        factors.currency_code,
        factors.factor,
        factors.factor * coalesce(rates.financing_rate, 0) as financing_factor,
        factors.factor * coalesce(rates.late_payment_rate, 0) as interest_factor
    from {{ ref('int_fx_factors') }} as factors
    inner join {{ ref('int_daily_rates') }} as rates on factors.calendar_date = rates.calendar_date

),

running as (

    select
        factors.*,
        sum(factors.factor) over currency_days as factor_sum,
        sum(factors.financing_factor) over currency_days as financing_sum,
        sum(factors.interest_factor) over currency_days as interest_sum
    from factors
    window currency_days as (
        partition by factors.currency_code order by factors.calendar_date
        rows between unbounded preceding and current row
    )

),

states as (

    select
        history.item_key,
        history.dimension_set_id,
        history.currency_code,
        cast(history.open_amount as double) as open_amount,
        greatest(history.valid_from, {{ add_days('history.due_date', 1) }}) as first_day,
        least({{ add_days('history.valid_to', -1) }}, run.as_of_date) as last_day
    from {{ ref('int_item_history') }} as history
    cross join run
    where
        history.item_side = 'debit'
        and history.due_date is not null
        and history.open_amount <> 0
        and history.due_date < run.as_of_date
        and history.valid_to > {{ add_days('history.due_date', 1) }}

),

pieces as (

    select
        states.item_key,
        states.dimension_set_id,
        states.currency_code,
        states.open_amount,
        months.period_start as month_start,
        greatest(states.first_day, months.period_start) as first_day,
        least(states.last_day, months.as_of_date) as last_day
    from states
    inner join months
        on states.first_day <= months.as_of_date and states.last_day >= months.period_start

)

select
    pieces.month_start,
    pieces.item_key,
    pieces.dimension_set_id,
    min(pieces.first_day) as first_overdue_on,
    sum(
        cast(
            pieces.open_amount * (through.factor_sum - opening.factor_sum + opening.factor)
            as decimal(38, 9)
        )
    ) as amount_days,
    sum(
        cast(
            pieces.open_amount
            * (through.financing_sum - opening.financing_sum + opening.financing_factor)
            as decimal(38, 9)
        )
    ) as financing_weight,
    sum(
        cast(
            pieces.open_amount
            * (through.interest_sum - opening.interest_sum + opening.interest_factor)
            as decimal(38, 9)
        )
    ) as interest_weight

from pieces
inner join running as opening
    on
        pieces.first_day = opening.calendar_date
        and pieces.currency_code = opening.currency_code
inner join running as through
    on
        pieces.last_day = through.calendar_date
        and pieces.currency_code = through.currency_code
group by pieces.month_start, pieces.item_key, pieces.dimension_set_id
