-- The state of every item through time: its open balance, what of it is disputed, and the dimension
-- set it is in, as long as it is open or not due.
-- Amounts in document currency. An item that is settled keeps a last interval with zero.
-- Grain: one row per item and interval in which its state is constant; `valid_to` is excluded.
with

run as (

    select * from {{ ref('int_run') }}

),

items as (

    select * from {{ ref('int_receivable_items') }}

),

movements as (

    select
        movements.item_key,
        movements.movement_date as change_date,
        sum(movements.movement_amount) as open_change
    from {{ ref('int_receivable_movements') }} as movements
    cross join run
    where movements.movement_date <= run.as_of_date
    group by movements.item_key, movements.movement_date

),

-- A dispute counts from the day it opens, not before its invoice exists, to the day before it
-- closes. Credits are not disputed.
disputes as (

    select
        items.item_key,
        greatest(disputes.opened_on, items.booking_date) as opened_on,
        disputes.closed_on,
        case when disputes.amount is null then 1 else 0 end as is_whole_balance,
        coalesce(disputes.amount, 0) as amount
    from {{ ref('stg_disputes') }} as disputes
    inner join items on disputes.item_key = items.item_key
    where
        items.item_side = 'debit'
        and (
            disputes.closed_on is null
            or disputes.closed_on > greatest(disputes.opened_on, items.booking_date)
        )

),

dispute_events as (

    select
        disputes.item_key,
        disputes.opened_on as change_date,
        1 as dispute_change,
        disputes.is_whole_balance as whole_change,
        disputes.amount as amount_change
    from disputes

    union all

    select
        disputes.item_key,
        disputes.closed_on as change_date,
        -1 as dispute_change,
        -disputes.is_whole_balance as whole_change,
        -disputes.amount as amount_change
    from disputes
    where disputes.closed_on is not null

),

changed_sets as (

    select changed_sets.* from {{ ref('int_item_dimension_sets') }} as changed_sets
    cross join run
    where
        changed_sets.previous_dimension_set_id is not null
        and changed_sets.valid_from <= run.as_of_date

),

events as (

    select
        movements.item_key,
        movements.change_date,
        movements.open_change,
        0 as dispute_change,
        0 as whole_change,
        0 as amount_change
    from movements

    union all

    select
        dispute_events.item_key,
        dispute_events.change_date,
        0 as open_change,
        dispute_events.dispute_change,
        dispute_events.whole_change,
        dispute_events.amount_change
    from dispute_events
    cross join run
    where dispute_events.change_date <= run.as_of_date

    union all

    select
        changed_sets.item_key,
        changed_sets.valid_from as change_date,
        0 as open_change,
        0 as dispute_change,
        0 as whole_change,
        0 as amount_change
    from changed_sets

),

daily_events as (

    select
        events.item_key,
        events.change_date,
        sum(events.open_change) as open_change,
        sum(events.dispute_change) as dispute_change,
        sum(events.whole_change) as whole_change,
        sum(events.amount_change) as amount_change
    from events
    group by events.item_key, events.change_date

),

totals as (

    select
        daily_events.item_key,
        daily_events.change_date,
        sum(daily_events.open_change) over item_days as open_amount,
        sum(daily_events.dispute_change) over item_days as dispute_count,
        sum(daily_events.whole_change) over item_days as whole_count,
        sum(daily_events.amount_change) over item_days as claimed_amount
    from daily_events
    window item_days as (
        partition by daily_events.item_key order by daily_events.change_date
        rows between unbounded preceding and current row
    )

),

states as (

    select
        totals.item_key,
        totals.change_date,
        cast(totals.open_amount as decimal(18, 2)) as open_amount,
        totals.dispute_count > 0 as is_disputed,
        cast(
            case
                when totals.dispute_count = 0 or totals.open_amount <= 0 then 0
                when totals.whole_count > 0 then totals.open_amount
                else least(totals.claimed_amount, totals.open_amount)
            end as decimal(18, 2)
        ) as disputed_amount
    from totals

),

compared as (

    select
        states.*,
        lag(states.open_amount) over item_days as previous_open_amount,
        lag(states.is_disputed) over item_days as was_disputed,
        lag(states.disputed_amount) over item_days as previous_disputed_amount
    from states
    window item_days as (partition by states.item_key order by states.change_date)

),

changes as (

    select compared.* from compared
    left join changed_sets
        on
            compared.item_key = changed_sets.item_key
            and compared.change_date = changed_sets.valid_from
    where
        compared.previous_open_amount is null
        or compared.open_amount <> compared.previous_open_amount
        or compared.is_disputed <> compared.was_disputed
        or compared.disputed_amount <> compared.previous_disputed_amount
        or (changed_sets.item_key is not null and compared.open_amount <> 0)
        or changed_sets.due_date >= compared.change_date

),

intervals as (

    select
        changes.item_key,
        changes.change_date as valid_from,
        coalesce(
            lead(changes.change_date) over (
                partition by changes.item_key order by changes.change_date
            ),
            date '9999-12-31'
        ) as valid_to,
        changes.open_amount,
        changes.is_disputed,
        changes.disputed_amount
    from changes

)

select
    intervals.item_key,
    items.item_type,
    items.item_side,
    items.entity_code,
    items.customer_code,
    coalesce(item_sets.dimension_set_id, items.dimension_set_id) as dimension_set_id,
    items.document_number,
    items.issue_date,
    items.booking_date,
    items.due_date,
    items.currency_code,
    items.is_factored,
    items.signed_amount,
    intervals.valid_from,
    intervals.valid_to,
    intervals.open_amount,
    intervals.is_disputed,
    intervals.disputed_amount

from intervals
inner join items on intervals.item_key = items.item_key
{{ dimension_set_of_day('intervals.item_key', 'intervals.valid_from') }}
