-- What each customer as a whole owes at the end of each period, credits included, in the reporting
-- currency: `receivables_amount` converts sums, as limits are compared with it, `items_amount` adds
-- up what customer_items has converted.
-- Grain: one row per period (month, quarter, year) and customer record with an open item.
with

currencies as (

    select
        items.period_grain,
        items.period_start,
        items.record_id,
        items.currency_code,
        items.factor,
        sum(items.open_amount) as open_amount,
        sum(items.open_amount_reporting) as items_amount
    from {{ ref('customer_items') }} as items
    group by
        items.period_grain, items.period_start, items.record_id, items.currency_code,
        items.factor

)

select
    currencies.period_grain,
    currencies.period_start,
    currencies.record_id,
    {{ money('sum(' ~ convert('currencies.open_amount', 'currencies.factor') ~ ')') }}
        as receivables_amount,
    cast(sum(currencies.items_amount) as decimal(38, 10)) as items_amount

from currencies
group by currencies.period_grain, currencies.period_start, currencies.record_id
