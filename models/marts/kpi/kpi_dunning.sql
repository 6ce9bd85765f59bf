-- How dunning is done and what it leads to.
-- Grain: one row per period (month, quarter, year), entity and segment.
with

parts as (

    select parts.* from {{ ref('int_period_parts') }} as parts
    where parts.period_grain <> 'day'

),

balances as (

    select
        balances.as_of_date,
        balances.slice_id,
        sum(balances.chased_overdue_amount) as chased_overdue_amount
    from {{ ref('int_dunning_balances') }} as balances
    group by balances.as_of_date, balances.slice_id

),

measured as (

    select
        parts.*,
        {{ money('coalesce(balances.chased_overdue_amount, 0)') }} as chased_overdue_amount,
        {{ money('coalesce(flows.third_day_open_amount, 0)') }} as third_day_open_amount,
        {{ money('coalesce(flows.third_day_chased_amount, 0)') }} as third_day_chased_amount,
        coalesce(flows.reminders_planned_done_count, 0) as reminders_planned_done_count,
        coalesce(flows.reminded_settled_count, 0) as reminded_settled_count,
        coalesce(flows.reminder_to_settlement_days_count, 0) as reminder_to_settlement_days_count,
        coalesce(flows.matured_reminder_count, 0) as matured_reminder_count,
        coalesce(flows.successful_reminder_count, 0) as successful_reminder_count,
        flows.reminder_cost_amount,
        coalesce(flows.reminders_planned_count, 0) as reminders_planned_count,
        coalesce(flows.reminders_done_count, 0) as reminders_done_count
    from parts
    left join balances
        on parts.as_of_date = balances.as_of_date and parts.slice_id = balances.slice_id
    left join {{ ref('int_dunning_flows') }} as flows
        on
            parts.period_grain = flows.period_grain
            and parts.period_start = flows.period_start
            and parts.slice_id = flows.slice_id

)

select
    {{ slice_columns('measured') }},
    measured.overdue_amount,
    measured.chased_overdue_amount,
    measured.third_day_open_amount,
    measured.third_day_chased_amount,
    measured.reminders_planned_done_count,
    measured.reminded_settled_count,
    measured.reminder_to_settlement_days_count,
    measured.matured_reminder_count,
    measured.successful_reminder_count,
    measured.reminder_cost_amount,
    measured.collected_late_amount,
    {{ chased_rate('measured.chased_overdue_amount', 'measured.overdue_amount') }} as chased_rate,
    {{ chased_within_3_days_rate(
        'measured.third_day_chased_amount', 'measured.third_day_open_amount'
    ) }} as chased_within_3_days_rate,
    measured.reminders_planned_count,
    measured.reminders_done_count,
    {{ execution_rate(
        'measured.reminders_planned_done_count', 'measured.reminders_planned_count'
    ) }} as execution_rate,
    {{ collection_performance_index(
        'measured.reminders_planned_done_count', 'measured.reminders_planned_count',
        'measured.reminder_to_settlement_days_count', 'measured.reminded_settled_count'
    ) }} as collection_performance_index,
    {{ reminder_success_rate(
        'measured.successful_reminder_count', 'measured.matured_reminder_count'
    ) }} as reminder_success_rate,
    {{ cost_per_reminder('measured.reminder_cost_amount', 'measured.reminders_done_count') }}
        as cost_per_reminder

from measured
