-- What became, during a period, of the items that stood in each ageing bucket when it opened:
-- the receipts allocated to them, and what is still open in an older bucket.
-- Amounts in the reporting currency.
-- Grain: one row per period, slice and bucket.
with

periods as (

    select periods.* from {{ ref('int_periods') }} as periods
    where periods.period_grain <> 'day'

),

items as (

    select items.* from {{ ref('int_items_month_end') }} as items
    where items.open_amount <> 0 and items.item_side = 'debit' and items.due_date is not null

),

rolled as (

    select
        periods.period_grain,
        periods.period_start,
        opening.dimension_set_id,
        opening.ageing_bucket,
        cast(0 as decimal(38, 6)) as collected_amount,
        sum(closing.open_amount_reporting) as rolled_amount
    from periods
    inner join items as opening on periods.opening_date = opening.as_of_date
    inner join items as closing
        on periods.as_of_date = closing.as_of_date and opening.item_key = closing.item_key
    where closing.bucket_order > opening.bucket_order
    group by
        periods.period_grain, periods.period_start, opening.dimension_set_id,
        opening.ageing_bucket

),

receipts as (

    select
        movements.item_key,
        movements.movement_date,
        {{ convert('movements.movement_amount', 'factors.factor') }} as movement_amount
    from {{ ref('int_receivable_movements') }} as movements
    inner join {{ ref('int_fx_factors') }} as factors
        on
            movements.movement_date = factors.calendar_date
            and movements.currency_code = factors.currency_code
    where movements.movement_type = 'receipt_allocation' and movements.item_side = 'debit'

),

collected as (

    select
        periods.period_grain,
        periods.period_start,
        opening.dimension_set_id,
        opening.ageing_bucket,
        {{ money('-sum(receipts.movement_amount)') }} as collected_amount,
        cast(0 as decimal(38, 6)) as rolled_amount
    from receipts
    inner join periods
        on receipts.movement_date between periods.period_start and periods.as_of_date
    inner join items as opening
        on receipts.item_key = opening.item_key and periods.opening_date = opening.as_of_date
    group by
        periods.period_grain, periods.period_start, opening.dimension_set_id,
        opening.ageing_bucket

),

flows as (

    select * from rolled
    union all
    select * from collected

)

select
    flows.period_grain,
    flows.period_start,
    slices.slice_id,
    flows.ageing_bucket,
    {{ money('sum(flows.collected_amount)') }} as collected_from_bucket_amount,
    {{ money('sum(flows.rolled_amount)') }} as rolled_amount

from flows
inner join {{ ref('int_dimension_set_slices') }} as slices
    on flows.dimension_set_id = slices.dimension_set_id
group by flows.period_grain, flows.period_start, slices.slice_id, flows.ageing_bucket
