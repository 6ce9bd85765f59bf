-- Reminders for invoices, debit notes and opening items, with what the run knows of each: whether
-- it is 15 days old, and whether a receipt that still stands came in within these days.
-- A reminder dated before its document counts from the day of the document. The dimension sets are
-- those of the days on which it was planned and done.
-- Grain: one row per entity and reminder.
with

run as (

    select * from {{ ref('int_run') }}

),

allocations as (

    select * from {{ ref('int_receipt_allocations') }}

),

reminders as (

    select
        reminders.entity_code,
        reminders.reminder_id,
        reminders.item_key,
        items.dimension_set_id as item_dimension_set_id,
        items.due_date,
        greatest(reminders.planned_on, items.booking_date) as planned_on,
        case
            when
                reminders.done_on is not null
                and greatest(reminders.done_on, items.booking_date) <= run.as_of_date
                then greatest(reminders.done_on, items.booking_date)
        end as done_on,
        run.as_of_date,
        reminders.level,
        reminders.cost_amount,
        reminders.non_payment_reason
    from {{ ref('stg_reminders') }} as reminders
    cross join run
    inner join {{ ref('int_receivable_items') }} as items on reminders.item_key = items.item_key
    where items.item_side = 'debit'

),

successes as (

    select distinct
        reminders.entity_code,
        reminders.reminder_id
    from reminders
    inner join allocations
        on
            reminders.item_key = allocations.item_key
            and reminders.done_on < allocations.receipt_date
            and {{ add_days('reminders.done_on', 15) }} >= allocations.receipt_date
    left join allocations as undone
        on allocations.event_key = undone.event_key and undone.is_reversal
    where not allocations.is_reversal and undone.event_key is null

)

select
    reminders.entity_code,
    reminders.reminder_id,
    reminders.item_key,
    coalesce(planned_sets.dimension_set_id, reminders.item_dimension_set_id) as dimension_set_id,
    coalesce(done_sets.dimension_set_id, reminders.item_dimension_set_id) as done_dimension_set_id,
    reminders.due_date,
    reminders.planned_on,
    reminders.done_on,
    reminders.level,
    reminders.cost_amount,
    reminders.non_payment_reason,
    coalesce({{ add_days('reminders.done_on', 15) }} <= reminders.as_of_date, false) as is_matured,
    successes.reminder_id is not null as is_successful

from reminders
left join successes
    on
        reminders.entity_code = successes.entity_code
        and reminders.reminder_id = successes.reminder_id
{{ dimension_set_of_day('reminders.item_key', 'reminders.planned_on', 'planned_sets') }}
{{ dimension_set_of_day('reminders.item_key', 'reminders.done_on', 'done_sets') }}
