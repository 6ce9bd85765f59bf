-- How far the dunning of an item has gone: the days of its first reminder, of the first one after
-- it was due, and of the first one of each level or a higher one.
-- Grain: one row per item with a reminder done.
with

reminders as (

    select * from {{ ref('int_reminders') }}

)

select
    min(reminders.done_on) as first_done_on,
    min(case when reminders.done_on > reminders.due_date then reminders.done_on end)
        as first_done_overdue_on,
    {% for level in range(1, 6) %}
    min(case when reminders.level >= {{ level }} then reminders.done_on end)
        as level_{{ level }}_on,
    {% endfor %}
    reminders.item_key

from reminders
where reminders.done_on is not null
group by reminders.item_key
