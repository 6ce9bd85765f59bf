-- Balance of every month-end, and of the as-of date, by slice and age band, in the reporting
-- currency.
-- Grain: one row per month-end, slice and age band in which something is open or not yet due.
with

items as (

    select
        items.as_of_date,
        items.dimension_set_id,
        items.age_band,
        sum(items.open_amount_reporting) as open_amount,
        sum(items.open_amount_reporting) filter (where items.is_factored) as factored_amount,
        count(*) filter (where items.open_amount <> 0) as item_count,
        sum(items.disputed_amount_reporting) as disputed_amount,
        sum(items.theoretical_amount_reporting) as theoretical_amount
    from {{ ref('int_items_month_end') }} as items
    group by items.as_of_date, items.dimension_set_id, items.age_band

)

select
    items.as_of_date as snapshot_date,
    slices.slice_id,
    items.age_band,
    {{ money('sum(items.open_amount)') }} as open_amount,
    {{ money('coalesce(sum(items.factored_amount), 0)') }} as factored_amount,
    cast(sum(items.item_count) as bigint) as item_count,
    {{ money('sum(items.disputed_amount)') }} as disputed_amount,
    {{ money('sum(items.theoretical_amount)') }} as theoretical_amount

from items
inner join {{ ref('int_dimension_set_slices') }} as slices
    on items.dimension_set_id = slices.dimension_set_id
group by items.as_of_date, slices.slice_id, items.age_band
