-- The highest level that the reminders of an item have reached, through time.
-- Grain: one row per item and day with a reminder done; `valid_to` is excluded.
with

reminder_days as (

    select
        reminders.item_key,
        reminders.done_on,
        max(reminders.level) as day_level
    from {{ ref('int_reminders') }} as reminders
    where reminders.done_on is not null
    group by reminders.item_key, reminders.done_on

),

levels as (

    select
        reminder_days.item_key,
        reminder_days.done_on as valid_from,
        coalesce(lead(reminder_days.done_on) over item_days, date '9999-12-31') as valid_to,
        max(reminder_days.day_level) over (
            partition by reminder_days.item_key order by reminder_days.done_on
            rows between unbounded preceding and current row
        ) as level_order
    from reminder_days
    window item_days as (
        partition by reminder_days.item_key order by reminder_days.done_on
    )

)

select
    levels.item_key,
    levels.valid_from,
    levels.valid_to,
    cast(levels.level_order as integer) as level_order,
    case
        when levels.level_order >= 5 then 'legal'
        when levels.level_order = 4 then 'formal_notice'
        when levels.level_order >= 1 then cast(levels.level_order as varchar)
        else 'none'
    end as dunning_level

from levels
