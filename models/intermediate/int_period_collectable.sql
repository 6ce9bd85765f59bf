-- What could be collected in a period, and what is still open of it: items due by the as-of date
-- that were open when the period began, or were booked in it. Amounts in the reporting currency:
-- what was open at the rate of the day before the period, what was booked at that of its day, what
-- is still open at that of the as-of date.
-- Grain: one row per period (month, quarter, year) and slice with something to collect.
with

periods as (

    select periods.* from {{ ref('int_periods') }} as periods
    where periods.period_grain <> 'day'

),

open_items as (

    select items.* from {{ ref('int_items_month_end') }} as items
    where items.item_side = 'debit' and items.open_amount <> 0

),

items as (

    select
        periods.period_grain,
        periods.period_start,
        periods.as_of_date,
        open_items.as_of_date as rate_date,
        open_items.item_key,
        open_items.dimension_set_id,
        open_items.currency_code,
        open_items.open_amount as collectable_amount
    from open_items
    inner join periods on open_items.as_of_date = periods.opening_date
    where open_items.due_date <= periods.as_of_date
    {% for grain in ['month', 'quarter', 'year'] %}
    union all

    select
        periods.period_grain,
        periods.period_start,
        periods.as_of_date,
        items.booking_date as rate_date,
        items.item_key,
        items.dimension_set_id,
        items.currency_code,
        items.signed_amount as collectable_amount
    from {{ ref('int_receivable_items') }} as items
    inner join periods
        on
            periods.period_grain = '{{ grain }}'
            and {{ period_start(grain, 'items.booking_date') }} = periods.period_start
    where
        items.item_side = 'debit'
        and items.booking_date <= periods.as_of_date
        and items.due_date <= periods.as_of_date
    {% endfor %}
),

sums as (

    select
        items.period_grain,
        items.period_start,
        items.as_of_date,
        items.rate_date,
        items.dimension_set_id,
        items.currency_code,
        sum(items.collectable_amount) as collectable_amount,
        coalesce(sum(closing.open_amount), 0) as collectable_open_amount
    from items
    left join open_items as closing
        on items.as_of_date = closing.as_of_date and items.item_key = closing.item_key
    group by
        items.period_grain, items.period_start, items.as_of_date, items.rate_date,
        items.dimension_set_id, items.currency_code

),

converted as (

    select
        sums.period_grain,
        sums.period_start,
        sums.dimension_set_id,
        sum({{ convert('sums.collectable_amount', 'factors.factor') }}) as collectable_amount,
        sum({{ convert('sums.collectable_open_amount', 'closing_factors.factor') }})
            as collectable_open_amount
    from sums
    inner join {{ ref('int_fx_factors') }} as factors
        on
            sums.rate_date = factors.calendar_date
            and sums.currency_code = factors.currency_code
    inner join {{ ref('int_fx_factors') }} as closing_factors
        on
            sums.as_of_date = closing_factors.calendar_date
            and sums.currency_code = closing_factors.currency_code
    group by sums.period_grain, sums.period_start, sums.dimension_set_id

)

{{ add_up_to_slices(
    'converted', ['period_grain', 'period_start'],
    ['collectable_amount', 'collectable_open_amount']
) }}
