-- The overdue invoices in the order to deal with them, each with its next action, why, and whose
-- turn it is. Formula of the score: docs/worklist.md.
-- Grain: one row per overdue invoice, debit note or opening item at the as-of date that is still to
-- be paid; one that was overpaid is not.
with

run as (

    select * from {{ ref('int_run') }}

),

thresholds as (

    {{ thresholds_on('run.as_of_date', 'run', [
        'worklist_broken_promise_weight', 'worklist_high_risk_weight', 'worklist_age_weight',
        'worklist_reminder_interval_days',
    ]) }}

),

items as (

    select open_items.* from {{ ref('fct_open_items') }} as open_items
    where open_items.days_overdue > 0 and open_items.open_amount > 0

),

disputes as (

    select
        disputes.item_key,
        min(disputes.opened_on) as dispute_opened_on,
        -- Of disputes opened on one day the first by number, whatever order they were loaded in.
        min_by(
            disputes.reason_code,
            cast(disputes.opened_on as varchar) || ' ' || coalesce(disputes.case_id, '')
        ) as dispute_reason_code
    from {{ ref('int_dispute_cases') }} as disputes
    where disputes.reason_kind = 'dispute' and disputes.closed_on is null
    group by disputes.item_key

),

-- A promise that was reached after all, if late, is no longer broken here.
promises as (

    select
        promises.item_key,
        max(promises.promised_date) filter (
            where promises.kept_on is null and promises.broken_on is null
        ) as active_promised_date,
        max(promises.promised_date) filter (
            where promises.broken_on is not null and promises.reached_on is null
        ) as broken_promised_date,
        max(promises.broken_on) filter (
            where promises.broken_on is not null and promises.reached_on is null
        ) as last_broken_on,
        count(*) filter (where promises.broken_on is not null and promises.reached_on is null)
            as broken_promise_count,
        count(*) filter (where promises.kept_on is not null) as kept_promise_count
    from {{ ref('int_promises') }} as promises
    group by promises.item_key

),

reminders as (

    select
        reminders.item_key,
        count(*) as reminder_count,
        max(coalesce(reminders.level, 0)) as dunning_level,
        max(reminders.done_on) as last_reminder_on
    from {{ ref('int_reminders') }} as reminders
    where reminders.done_on is not null
    group by reminders.item_key

),

known as (

    select
        items.*,
        customers.risk_class,
        coalesce(risk_classes.is_high_risk, false) as is_high_risk,
        coalesce(customers.is_insolvent, false) as is_insolvent,
        disputes.dispute_opened_on,
        disputes.dispute_reason_code,
        promises.active_promised_date,
        promises.broken_promised_date,
        coalesce(promises.broken_promise_count, 0) as broken_promise_count,
        coalesce(reminders.reminder_count, 0) as reminder_count,
        coalesce(reminders.dunning_level, 0) as dunning_level,
        reminders.last_reminder_on,
        promises.last_broken_on > coalesce(reminders.last_reminder_on, date '0001-01-01')
            as is_break_unanswered,
        case
            when promises.active_promised_date is not null then 'active'
            when promises.broken_promise_count > 0 then 'broken'
            when promises.kept_promise_count > 0 then 'kept'
            else 'none'
        end as promise_state,
        coalesce({{ days_between('reminders.last_reminder_on', 'items.as_of_date') }}, 1000000)
        < thresholds.worklist_reminder_interval_days as is_just_reminded,
        1 + thresholds.worklist_broken_promise_weight
        * least(coalesce(promises.broken_promise_count, 0), 2)
        + case
            when risk_classes.is_high_risk then thresholds.worklist_high_risk_weight else 0
        end
        + thresholds.worklist_age_weight * least(items.days_overdue, 90) / 90 as urgency
    from items
    cross join thresholds
    inner join {{ ref('int_customers') }} as customers
        on
            items.entity_code = customers.entity_code
            and items.customer_code = customers.customer_code
    left join {{ ref('risk_classes') }} as risk_classes
        on customers.risk_class = risk_classes.risk_class
    left join disputes on items.item_key = disputes.item_key
    left join promises on items.item_key = promises.item_key
    left join reminders on items.item_key = reminders.item_key

),

decided as (

    select
        known.*,
        case
            when known.is_insolvent then 'file_claim'
            when known.is_disputed then 'settle_dispute'
            when known.promise_state = 'active' then 'wait_for_promise'
            when known.is_just_reminded then 'wait_for_reply'
            when known.is_break_unanswered then 'call_about_broken_promise'
            when known.dunning_level = 0 then 'send_reminder_1'
            when known.dunning_level = 1 then 'send_reminder_2'
            when known.dunning_level = 2 then 'send_reminder_3'
            when known.dunning_level = 3 then 'send_formal_notice'
            when known.dunning_level = 4 then 'start_legal_action'
            else 'follow_legal_action'
        end as next_action
    from known

),

scored as (

    select
        decided.*,
        case
            when decided.next_action in ('wait_for_promise', 'wait_for_reply') then 0
            else cast(decided.open_amount_reporting as double) * decided.urgency
        end as score
    from decided

)

select
    row_number() over (
        order by
            scored.score desc, scored.open_amount_reporting desc, scored.days_overdue desc,
            scored.item_key asc
    ) as worklist_rank,
    scored.as_of_date,
    scored.entity_code,
    scored.customer_code,
    scored.customer_name,
    scored.item_key,
    scored.item_type,
    scored.document_number,
    scored.issue_date,
    scored.due_date,
    scored.days_overdue,
    scored.ageing_bucket,
    scored.currency_code,
    scored.open_amount,
    scored.open_amount_reporting,
    scored.reporting_currency_code,
    {{ money('sum(scored.open_amount_reporting) over (
        partition by scored.entity_code, scored.customer_code
    )') }} as customer_overdue_amount,
    scored.is_disputed,
    scored.disputed_amount,
    scored.dispute_reason_code,
    scored.dispute_opened_on,
    scored.promise_state,
    case scored.promise_state
        when 'active' then scored.active_promised_date
        when 'broken' then scored.broken_promised_date
    end as promised_date,
    scored.broken_promise_count,
    scored.reminder_count,
    scored.dunning_level,
    scored.last_reminder_on,
    scored.risk_class,
    scored.is_high_risk,
    scored.next_action,
    cast(scored.days_overdue as varchar) || ' days overdue, ' || case
        when scored.is_insolvent then 'customer insolvent'
        when scored.is_disputed
            then
                'disputed since ' || cast(scored.dispute_opened_on as varchar)
                || coalesce(' (' || nullif(scored.dispute_reason_code, '(none)') || ')', '')
        when scored.promise_state = 'active'
            then 'promised for ' || cast(scored.active_promised_date as varchar)
        when scored.is_break_unanswered
            then 'promise of ' || cast(scored.broken_promised_date as varchar) || ' broken'
        when scored.reminder_count = 0 then 'no reminder yet'
        else
            cast(scored.reminder_count as varchar) || ' reminders, the last on '
            || cast(scored.last_reminder_on as varchar)
    end || case when scored.is_high_risk then ', high risk' else '' end as next_action_reason,
    case
        when scored.next_action = 'settle_dispute' then 'salesperson' else 'collector'
    end as owner_role,
    case
        when scored.next_action = 'settle_dispute'
            then scored.salesperson_code
        else scored.collector_code
    end as owner_code,
    scored.customer_segment,
    scored.business_unit,
    scored.region,
    scored.salesperson_code,
    scored.collector_code,
    scored.score

from scored
