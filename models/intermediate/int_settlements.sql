-- When invoices, debit notes and opening items were settled: the day on which a balance that was
-- open at the end of the day before became zero, for as long as it stays zero. What is known then
-- may change while it does (a bounced receipt replaced on the same day), hence the intervals.
-- Grain: one row per item, day of settlement and interval; `valid_to` is excluded. An item settled
-- in a period still counts at its end where that lies in one of its intervals.
with

history as (

    select
        history.item_key,
        history.item_type,
        history.dimension_set_id,
        history.issue_date,
        history.valid_from,
        history.open_amount,
        lag(history.open_amount) over item_days as previous_open_amount,
        min(case when history.open_amount <> 0 then history.valid_from end) over (
            partition by history.item_key order by history.valid_from
            rows between current row and unbounded following
        ) as reopened_on
    from {{ ref('int_item_history') }} as history
    where history.item_side = 'debit'
    window item_days as (partition by history.item_key order by history.valid_from)

),

allocations as (

    select * from {{ ref('int_receipt_allocations') }}

),

settlements as (

    select
        history.item_key,
        history.item_type,
        history.dimension_set_id,
        history.issue_date,
        history.valid_from as settled_on,
        coalesce(history.reopened_on, date '9999-12-31') as reopened_on
    from history
    where history.open_amount = 0 and history.previous_open_amount <> 0

),

changes as (

    select
        settlements.item_key,
        settlements.settled_on,
        settlements.settled_on as valid_from
    from settlements

    union all

    select distinct
        settlements.item_key,
        settlements.settled_on,
        allocations.movement_date as valid_from
    from settlements
    inner join allocations
        on
            settlements.item_key = allocations.item_key
            and settlements.settled_on < allocations.movement_date
            and settlements.reopened_on > allocations.movement_date

),

intervals as (

    select
        changes.item_key,
        changes.settled_on,
        changes.valid_from,
        lead(changes.valid_from) over (
            partition by changes.item_key, changes.settled_on order by changes.valid_from
        ) as next_valid_from
    from changes

),

standing as (

    select
        allocations.item_key,
        allocations.receipt_date,
        allocations.movement_date as standing_from,
        coalesce(undone.movement_date, date '9999-12-31') as standing_to
    from allocations
    left join allocations as undone
        on allocations.event_key = undone.event_key and undone.is_reversal
    where not allocations.is_reversal

),

last_receipts as (

    select
        intervals.item_key,
        intervals.settled_on,
        intervals.valid_from,
        max(standing.receipt_date) as last_receipt_date
    from intervals
    inner join standing
        on
            intervals.item_key = standing.item_key
            and intervals.valid_from >= standing.standing_from
            and intervals.valid_from < standing.standing_to
    group by intervals.item_key, intervals.settled_on, intervals.valid_from

),

receipt_days as (

    select
        allocations.item_key,
        allocations.movement_date,
        sum(allocations.allocated_amount) as allocated_amount
    from allocations
    group by allocations.item_key, allocations.movement_date

)

select
    settlements.item_key,
    settlements.item_type,
    settlements.dimension_set_id,
    settlements.issue_date,
    settlements.settled_on,
    intervals.valid_from,
    coalesce(intervals.next_valid_from, settlements.reopened_on) as valid_to,
    coalesce(receipt_days.allocated_amount > 0, false) as is_settled_by_receipt,
    last_receipts.last_receipt_date

from settlements
inner join intervals
    on
        settlements.item_key = intervals.item_key
        and settlements.settled_on = intervals.settled_on
left join receipt_days
    on
        settlements.item_key = receipt_days.item_key
        and settlements.settled_on = receipt_days.movement_date
left join last_receipts
    on
        intervals.item_key = last_receipts.item_key
        and intervals.settled_on = last_receipts.settled_on
        and intervals.valid_from = last_receipts.valid_from
