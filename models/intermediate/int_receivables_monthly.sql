-- Balance of every month-end, and of the as-of date, by slice and age band, in the reporting
-- currency. Sums are converted, not items: so many equal roundings never add up.
-- Grain: one row per month-end, slice and age band in which something is open or not yet due.
{%- set measures = [
    'open_amount', 'factored_amount', 'item_count', 'disputed_amount', 'theoretical_amount'
] %}
with

items as (

    select
        items.as_of_date,
        items.dimension_set_id,
        items.currency_code,
        items.age_band,
        sum(items.open_amount) as open_amount,
        coalesce(sum(items.open_amount) filter (where items.is_factored), 0) as factored_amount,
        count(*) filter (where items.open_amount <> 0) as item_count,
        sum(items.disputed_amount) as disputed_amount,
        sum(items.theoretical_amount) as theoretical_amount
    from {{ ref('int_items_month_end') }} as items
    group by items.as_of_date, items.dimension_set_id, items.currency_code, items.age_band

),

balances as (

    select
        items.as_of_date,
        slices.slice_id,
        items.currency_code,
        items.age_band,
        {{ sum_columns('items', measures) }}
    from items
    inner join {{ ref('int_dimension_set_slices') }} as slices
        on items.dimension_set_id = slices.dimension_set_id
    group by items.as_of_date, slices.slice_id, items.currency_code, items.age_band

),

converted as (

    select
        balances.as_of_date as snapshot_date,
        balances.slice_id,
        balances.age_band,
        balances.item_count,
        {{ convert('balances.open_amount', 'factors.factor') }} as open_amount,
        {{ convert('balances.factored_amount', 'factors.factor') }} as factored_amount,
        {{ convert('balances.disputed_amount', 'factors.factor') }} as disputed_amount,
        {{ convert('balances.theoretical_amount', 'factors.factor') }} as theoretical_amount
    from balances
    inner join {{ ref('int_fx_factors') }} as factors
        on
            balances.as_of_date = factors.calendar_date
            and balances.currency_code = factors.currency_code

)

select
    converted.snapshot_date,
    converted.slice_id,
    converted.age_band,
    {{ money('sum(converted.open_amount)') }} as open_amount,
    {{ money('sum(converted.factored_amount)') }} as factored_amount,
    cast(sum(converted.item_count) as bigint) as item_count,
    {{ money('sum(converted.disputed_amount)') }} as disputed_amount,
    {{ money('sum(converted.theoretical_amount)') }} as theoretical_amount

from converted
group by converted.snapshot_date, converted.slice_id, converted.age_band
