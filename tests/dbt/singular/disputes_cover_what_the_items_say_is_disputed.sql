-- Two ways to one figure: what the open disputes cover one by one, in their order, and the disputed
-- part of each open item. Both in document currency, so they are equal.
with

month_ends as (

    select periods.as_of_date
    from {{ ref('int_periods') }} as periods
    where periods.period_grain = 'month'

),

from_cases as (

    select
        covers.case_day as as_of_date,
        covers.item_key,
        sum(covers.covered_amount) as disputed_amount
    from {{ ref('int_dispute_case_days') }} as covers
    inner join month_ends on covers.case_day = month_ends.as_of_date
    where covers.reason_kind = 'dispute'
    group by covers.case_day, covers.item_key

),

from_items as (

    select
        items.as_of_date,
        items.item_key,
        items.disputed_amount
    from {{ ref('int_items_month_end') }} as items
    where items.item_side = 'debit' and items.disputed_amount <> 0

)

select
    'On ' || cast(coalesce(from_cases.as_of_date, from_items.as_of_date) as varchar) || ', item '
    || coalesce(from_cases.item_key, from_items.item_key) || ': the disputes cover '
    || cast(coalesce(from_cases.disputed_amount, 0) as varchar) || ', the item has '
    || cast(coalesce(from_items.disputed_amount, 0) as varchar) || ' disputed' as message

from from_cases
full outer join from_items
    on
        from_cases.as_of_date = from_items.as_of_date
        and from_cases.item_key = from_items.item_key
where coalesce(from_cases.disputed_amount, 0) <> coalesce(from_items.disputed_amount, 0)
