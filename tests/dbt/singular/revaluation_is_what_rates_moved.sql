-- Every slice of every month rolls forward: what opening, flows and closing leave over is what
-- exchange rates moved. In each foreign currency that is the opening balance times the move of the
-- rate over the month, and each movement times the move of the rate from its day to the end.
-- The tolerance is half a cent, and a millionth per movement: flows are rounded before they add up.
with

run as (

    select * from {{ ref('int_run') }}

),

factors as (

    select * from {{ ref('int_fx_factors') }}

),

months as (

    select
        parts.slice_id,
        parts.period_start,
        parts.as_of_date,
        parts.opening_date,
        parts.entity_code,
        parts.segment_type,
        parts.segment_code,
        parts.revaluation_amount
    from {{ ref('int_period_parts') }} as parts
    where parts.period_grain = 'month'

),

set_movements as (

    select
        movements.dimension_set_id,
        movements.currency_code,
        {{ period_start('month', 'movements.movement_date') }} as period_start,
        count(*) as movement_count,
        sum(movements.movement_amount) as amount,
        sum(cast(movements.movement_amount as double) * factors.factor) as converted_amount
    from {{ ref('int_receivable_movements') }} as movements
    inner join run on movements.currency_code <> run.reporting_currency_code
    inner join factors
        on
            movements.movement_date = factors.calendar_date
            and movements.currency_code = factors.currency_code
    group by
        movements.dimension_set_id, movements.currency_code,
        {{ period_start('month', 'movements.movement_date') }}

),

slice_movements as (

    select
        slices.slice_id,
        set_movements.currency_code,
        set_movements.period_start,
        {{ sum_columns('set_movements', ['movement_count', 'amount', 'converted_amount']) }}
    from set_movements
    inner join {{ ref('int_dimension_set_slices') }} as slices
        on set_movements.dimension_set_id = slices.dimension_set_id
    group by slices.slice_id, set_movements.currency_code, set_movements.period_start

),

slice_currencies as (

    select distinct
        slice_movements.slice_id,
        slice_movements.currency_code
    from slice_movements

),

balances as (

    select
        months.slice_id,
        months.period_start,
        months.as_of_date,
        months.opening_date,
        slice_currencies.currency_code,
        coalesce(slice_movements.movement_count, 0) as movement_count,
        coalesce(slice_movements.amount, 0) as amount,
        coalesce(slice_movements.converted_amount, 0) as converted_amount,
        sum(coalesce(slice_movements.amount, 0)) over (
            partition by months.slice_id, slice_currencies.currency_code
            order by months.period_start
        ) as closing_amount
    from months
    inner join slice_currencies on months.slice_id = slice_currencies.slice_id
    left join slice_movements
        on
            months.slice_id = slice_movements.slice_id
            and months.period_start = slice_movements.period_start
            and slice_currencies.currency_code = slice_movements.currency_code

),

expected as (

    select
        balances.slice_id,
        balances.period_start,
        sum(balances.movement_count) as movement_count,
        sum(
            cast(balances.closing_amount as double) * coalesce(closing.factor, 0)
            - cast(balances.closing_amount - balances.amount as double)
            * coalesce(opening.factor, 0)
            - balances.converted_amount
        ) as amount
    from balances
    left join factors as closing
        on
            balances.as_of_date = closing.calendar_date
            and balances.currency_code = closing.currency_code
    left join factors as opening
        on
            balances.opening_date = opening.calendar_date
            and balances.currency_code = opening.currency_code
    group by balances.slice_id, balances.period_start

)

select
    'Month ' || cast(months.period_start as varchar) || ', entity ' || months.entity_code || ', '
    || months.segment_type || ' ' || months.segment_code
    || ': opening, flows and closing leave ' || cast(months.revaluation_amount as varchar)
    || ' over, rates explain ' || cast(coalesce(expected.amount, 0) as varchar) as message
from months
left join expected
    on months.slice_id = expected.slice_id and months.period_start = expected.period_start
where
    abs(months.revaluation_amount - coalesce(expected.amount, 0))
    >= 0.005 + 0.000001 * coalesce(expected.movement_count, 0)
