-- Items that are open, or not yet due, at each month-end and at the as-of date. Read from the item
-- history and not from the daily balances, so that each checks the other.
-- Amounts in document currency; the open one also converted at the rate of the day.
-- Grain: one row per month-end and item.
with

bands as (

    select * from {{ ref('int_age_bands') }}

),

history as (

    select * from {{ ref('int_item_history') }}

),

month_ends as (

    select periods.as_of_date
    from {{ ref('int_periods') }} as periods
    where periods.period_grain = 'month'

),

states as (

    select
        month_ends.as_of_date,
        history.item_key,
        history.item_side,
        history.dimension_set_id,
        history.currency_code,
        history.is_factored,
        history.due_date,
        history.open_amount,
        history.disputed_amount,
        {{ days_between('history.due_date', 'month_ends.as_of_date') }} as days_overdue,
        case
            when history.item_side = 'debit' and month_ends.as_of_date <= history.due_date
                then history.signed_amount
            else 0
        end as theoretical_amount
    from history
    inner join month_ends
        on
            history.valid_from <= month_ends.as_of_date
            and history.valid_to > month_ends.as_of_date
    where
        history.open_amount <> 0
        or (history.item_side = 'debit' and month_ends.as_of_date <= history.due_date)

)

select
    states.as_of_date,
    states.item_key,
    states.item_side,
    states.dimension_set_id,
    states.currency_code,
    states.is_factored,
    states.due_date,
    case when states.item_side = 'debit' then states.days_overdue end as days_overdue,
    bands.age_band,
    bands.ageing_bucket,
    bands.bucket_order,
    states.open_amount,
    {{ convert('states.open_amount', 'factors.factor') }} as open_amount_reporting,
    states.disputed_amount,
    states.theoretical_amount

from states
inner join bands
    on
        case
            when states.item_side = 'credit' then bands.age_band = {{ unallocated_band() }}
            when states.due_date is null then bands.age_band = {{ undated_band() }}
            else states.days_overdue between bands.days_from and bands.days_to
        end
inner join {{ ref('int_fx_factors') }} as factors
    on
        states.as_of_date = factors.calendar_date
        and states.currency_code = factors.currency_code
