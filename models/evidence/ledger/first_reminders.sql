-- Where the dunning of an item began: its first reminder done, and the first one after it was due.
-- Grain: one row per item with a reminder done.
with

reminders as (

    select * from {{ ref('int_reminders') }}

)

select
    reminders.item_key,
    min(reminders.done_on) as first_done_on,
    min(reminders.done_on) filter (where reminders.done_on > reminders.due_date)
        as first_done_overdue_on

from reminders
where reminders.done_on is not null
group by reminders.item_key
