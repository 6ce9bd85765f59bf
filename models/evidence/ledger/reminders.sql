-- Reminders for debit items, with what the run knows of what came after them.
-- Grain: one row per reminder.
with

reminders as (

    select * from {{ ref('int_reminders') }}

)

select
    {{ record_key('reminders', 'reminders') }} as record_key,
    reminders.item_key,
    cast(reminders.dimension_set_id as bigint) as dimension_set_id,
    cast(reminders.done_dimension_set_id as bigint) as done_dimension_set_id,
    reminders.due_date,
    reminders.planned_on,
    reminders.done_on,
    reminders.level,
    reminders.cost_amount,
    reminders.is_matured,
    reminders.is_successful

from reminders
