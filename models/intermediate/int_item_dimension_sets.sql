-- The dimension sets through time of the items whose customer changed an attribute after they were
-- booked. All others have the one of int_receivable_items on every day, and no row.
-- Grain: one row per such item and interval; `valid_to` is excluded.
with

history as (

    select * from {{ ref('int_dimension_set_history') }}

),

changing as (

    select
        history.entity_code,
        history.customer_code,
        history.own_business_unit,
        history.own_salesperson_code,
        max(history.valid_from) as last_changed_on
    from history
    group by
        history.entity_code, history.customer_code, history.own_business_unit,
        history.own_salesperson_code
    having count(*) > 1

),

intervals as (

    select
        history.*,
        lag(history.dimension_set_id) over (
            partition by
                history.entity_code, history.customer_code, history.own_business_unit,
                history.own_salesperson_code
            order by history.valid_from
        ) as earlier_dimension_set_id,
        changing.last_changed_on
    from history
    inner join changing
        on
            history.entity_code = changing.entity_code
            and history.customer_code = changing.customer_code
            and history.own_business_unit = changing.own_business_unit
            and history.own_salesperson_code = changing.own_salesperson_code

),

changing_sets as (

    select distinct
        intervals.dimension_set_id,
        intervals.entity_code,
        intervals.customer_code,
        intervals.own_business_unit,
        intervals.own_salesperson_code
    from intervals

),

items as (

    select
        items.item_key,
        items.booking_date,
        case when items.item_side = 'debit' then items.due_date end as due_date,
        changing_sets.entity_code,
        changing_sets.customer_code,
        changing_sets.own_business_unit,
        changing_sets.own_salesperson_code
    from {{ ref('int_receivable_items') }} as items
    inner join changing_sets on items.dimension_set_id = changing_sets.dimension_set_id

)

select
    items.item_key,
    -- Until then the item is not due; empty for credits.
    items.due_date,
    greatest(intervals.valid_from, items.booking_date) as valid_from,
    intervals.valid_to,
    intervals.dimension_set_id,
    case
        when intervals.valid_from > items.booking_date then intervals.earlier_dimension_set_id
    end as previous_dimension_set_id

from items
inner join intervals
    on
        items.entity_code = intervals.entity_code
        and items.customer_code = intervals.customer_code
        and items.own_business_unit = intervals.own_business_unit
        and items.own_salesperson_code = intervals.own_salesperson_code
        and items.booking_date < intervals.last_changed_on
        and items.booking_date < intervals.valid_to
