-- What is past a limit at the as-of date: promises, credit limits, insurance cover, disputes,
-- dunning and KPIs with a target.
-- Grain: one row per breach.
{%- set marts = [
    'kpi_dso', 'kpi_ageing', 'kpi_collection', 'kpi_payment_behaviour', 'kpi_dunning',
    'kpi_promises', 'kpi_disputes', 'kpi_credit_exposure', 'kpi_credit_losses', 'kpi_invoicing',
    'kpi_cash_cycle',
] %}
with

run as (

    select * from {{ ref('int_run') }}

),

thresholds as (

    {{ thresholds_on('run.as_of_date', 'run', [
        'promise_grace_days', 'dispute_age_days', 'chase_within_days'
    ]) }}

),

open_items as (

    select * from {{ ref('fct_open_items') }}

),

promises as (

    select
        'promise_broken' as alert_code,
        promises.entity_code || '|' || promises.promise_id as alert_key,
        'broken_promise_count' as kpi_code,
        open_items.entity_code,
        open_items.customer_code,
        cast({{ days_between('promises.promised_date', 'open_items.as_of_date') }} as double)
            as alert_value,
        cast(thresholds.promise_grace_days as double) as threshold_value,
        'days' as unit,
        promises.broken_on as since_date,
        'Promise of ' || cast(promises.promised_date as varchar) || ' for invoice '
        || open_items.document_number || ' was not kept' as message,
        open_items.item_key as row_keys
    from {{ ref('int_promises') }} as promises
    inner join open_items on promises.item_key = open_items.item_key
    cross join thresholds
    where promises.broken_on is not null and promises.reached_on is null

),

disputes as (

    select
        'dispute_too_old' as alert_code,
        open_items.entity_code || '|' || disputes.case_id as alert_key,
        'over_30_days_rate' as kpi_code,
        open_items.entity_code,
        open_items.customer_code,
        cast({{ days_between('disputes.opened_on', 'open_items.as_of_date') }} as double)
            as alert_value,
        cast(thresholds.dispute_age_days as double) as threshold_value,
        'days' as unit,
        {{ add_days('disputes.opened_on', 'thresholds.dispute_age_days + 1') }} as since_date,
        'Dispute ' || disputes.case_id || ' on invoice ' || open_items.document_number
        || coalesce(' (' || nullif(disputes.reason_code, '(none)') || ')', '')
        || ' is still open' as message,
        open_items.item_key as row_keys
    from {{ ref('int_dispute_cases') }} as disputes
    inner join open_items on disputes.item_key = open_items.item_key
    cross join thresholds
    where
        {{ days_between('disputes.opened_on', 'open_items.as_of_date') }}
        > thresholds.dispute_age_days
        and disputes.reason_kind = 'dispute'
        and disputes.closed_on is null

),

unchased as (

    select
        'overdue_not_chased' as alert_code,
        open_items.item_key as alert_key,
        'chased_within_3_days_rate' as kpi_code,
        open_items.entity_code,
        open_items.customer_code,
        cast(open_items.days_overdue as double) as alert_value,
        cast(thresholds.chase_within_days as double) as threshold_value,
        'days' as unit,
        {{ add_days('open_items.due_date', 'thresholds.chase_within_days') }} as since_date,
        'No reminder for invoice ' || open_items.document_number || ', due '
        || cast(open_items.due_date as varchar) as message,
        open_items.item_key as row_keys
    from open_items
    cross join thresholds
    left join {{ ref('int_item_dunning') }} as dunning on open_items.item_key = dunning.item_key
    where
        open_items.days_overdue >= thresholds.chase_within_days
        and open_items.open_amount > 0
        and not open_items.is_disputed
        and dunning.first_done_overdue_on is null

),

-- A customer of several entities is also judged as a whole, against its limit in the group.
customer_items as (

    select
        open_items.entity_code,
        open_items.customer_code,
        {{ list_text('open_items.item_key') }} as row_keys
    from open_items
    group by open_items.entity_code, open_items.customer_code

    union all

    select
        'ALL' as entity_code,
        open_items.customer_code,
        {{ list_text('open_items.item_key') }} as row_keys
    from open_items
    group by open_items.customer_code
    having count(distinct open_items.entity_code) > 1

),

exposures as (

    select
        exposure.*,
        records.entity_code,
        records.customer_code
    from {{ ref('int_customer_exposure') }} as exposure
    inner join run on exposure.as_of_date = run.as_of_date
    inner join {{ ref('int_customer_records') }} as records
        on exposure.record_id = records.record_id
    inner join customer_items
        on
            records.entity_code = customer_items.entity_code
            and records.customer_code = customer_items.customer_code

),

limits as (

    {% for alert_code, kpi_code, limit, words in [
        ('limit_passed', 'over_limit_amount', 'limit_amount', 'credit limit'),
        ('cover_passed', 'over_cover_customer_count', 'insured_limit_amount', 'insured limit'),
    ] %}
    {{ 'union all' if not loop.first }}
    select
        '{{ alert_code }}' as alert_code,
        '{{ kpi_code }}' as kpi_code,
        exposures.entity_code,
        exposures.customer_code,
        {{ money('exposures.' ~ limit) }} as limit_amount,
        exposures.receivables_amount,
        'Receivables of customer ' || exposures.customer_code || ' exceed the {{ words }}'
            as message
    from exposures
    where exposures.receivables_amount > exposures.{{ limit }}
    {% endfor %}

),

concerned as (

    select distinct
        limits.entity_code,
        limits.customer_code
    from limits

),

-- Since when: the day from which the receivables, at today's rates, stay above today's limit.
movement_days as (

    select
        concerned.entity_code,
        items.customer_code,
        movements.movement_date,
        {{ money('sum(' ~ convert('movements.movement_amount', 'factors.factor') ~ ')') }}
            as change_amount
    from {{ ref('int_receivable_movements') }} as movements
    inner join {{ ref('int_receivable_items') }} as items on movements.item_key = items.item_key
    inner join concerned
        on
            concerned.entity_code in (items.entity_code, 'ALL')
            and items.customer_code = concerned.customer_code
    inner join run on movements.movement_date <= run.as_of_date
    inner join {{ ref('int_fx_factors') }} as factors
        on
            run.as_of_date = factors.calendar_date
            and movements.currency_code = factors.currency_code
    group by concerned.entity_code, items.customer_code, movements.movement_date

),

balance_days as (

    select
        movement_days.entity_code,
        movement_days.customer_code,
        movement_days.movement_date,
        sum(movement_days.change_amount) over (
            partition by movement_days.entity_code, movement_days.customer_code
            order by movement_days.movement_date
            rows between unbounded preceding and current row
        ) as balance_amount
    from movement_days

),

last_within as (

    select
        limits.alert_code,
        limits.entity_code,
        limits.customer_code,
        max(balance_days.movement_date) filter (
            where balance_days.balance_amount <= limits.limit_amount
        ) as last_date_within
    from limits
    inner join balance_days
        on
            limits.entity_code = balance_days.entity_code
            and limits.customer_code = balance_days.customer_code
    group by limits.alert_code, limits.entity_code, limits.customer_code

),

passed_since as (

    select
        last_within.alert_code,
        last_within.entity_code,
        last_within.customer_code,
        min(balance_days.movement_date) as since_date
    from last_within
    inner join balance_days
        on
            last_within.entity_code = balance_days.entity_code
            and last_within.customer_code = balance_days.customer_code
            and balance_days.movement_date
            > coalesce(last_within.last_date_within, date '0001-01-01')
    group by last_within.alert_code, last_within.entity_code, last_within.customer_code

),

passed as (

    select
        limits.alert_code,
        limits.entity_code || '|' || limits.customer_code as alert_key,
        limits.kpi_code,
        limits.entity_code,
        limits.customer_code,
        cast(limits.receivables_amount as double) as alert_value,
        cast(limits.limit_amount as double) as threshold_value,
        'amount' as unit,
        passed_since.since_date,
        limits.message,
        customer_items.row_keys
    from limits
    left join passed_since
        on
            limits.alert_code = passed_since.alert_code
            and limits.entity_code = passed_since.entity_code
            and limits.customer_code = passed_since.customer_code
    left join customer_items
        on
            limits.entity_code = customer_items.entity_code
            and limits.customer_code = customer_items.customer_code

),

targets as (

    select
        targets.*,
        coalesce(
            lead(targets.valid_from) over (
                partition by
                    targets.kpi_code, targets.entity_code, targets.segment_type,
                    targets.segment_code
                order by targets.valid_from
            ),
            date '9999-12-31'
        ) as valid_to
    from {{ ref('kpi_targets') }} as targets

),

targeted as (

    {% for mart in marts %}
    {{ 'union all' if not loop.first }}
    {{ targeted_values(mart, 'targets') }}
    {% endfor %}

),

judged as (

    select
        targeted.*,
        coalesce(
            case targeted.direction
                when 'at_most' then targeted.kpi_value > targeted.target_value
                else targeted.kpi_value < targeted.target_value
            end, false
        ) as is_past
    from targeted

),

-- The breach of the last complete month, from the month after the last one within the target.
streaks as (

    select
        judged.*,
        max(case when not judged.is_past then judged.as_of_date end) over slice_months
            as last_date_within,
        max(judged.as_of_date) over slice_months as last_date
    from judged
    window slice_months as (
        partition by
            judged.mart, judged.kpi_code, judged.entity_code, judged.segment_type,
            judged.segment_code
    )

),

past_targets as (

    select
        streaks.mart,
        streaks.kpi_code,
        streaks.entity_code,
        streaks.segment_type,
        streaks.segment_code,
        min(streaks.as_of_date) as since_date,
        max_by(streaks.kpi_value, streaks.as_of_date) as alert_value,
        max_by(streaks.target_value, streaks.as_of_date) as threshold_value,
        max_by(streaks.direction, streaks.as_of_date) as direction,
        max(streaks.period_start) as period_start
    from streaks
    where
        streaks.is_past
        and streaks.as_of_date > coalesce(streaks.last_date_within, date '0001-01-01')
    group by
        streaks.mart, streaks.kpi_code, streaks.entity_code, streaks.segment_type,
        streaks.segment_code

),

customer_alerts as (

    select * from promises
    union all
    select * from disputes
    union all
    select * from unchased
    union all
    select * from passed

)

select
    customer_alerts.alert_code,
    customer_alerts.alert_key,
    run.as_of_date,
    customer_alerts.kpi_code,
    customer_alerts.entity_code,
    'customer' as segment_type,
    customer_alerts.customer_code as segment_code,
    customer_alerts.alert_value,
    customer_alerts.threshold_value,
    customer_alerts.unit,
    run.reporting_currency_code as currency_code,
    customer_alerts.since_date,
    customer_alerts.message,
    'fct_open_items' as row_table,
    customer_alerts.row_keys

from customer_alerts
cross join run

union all

select
    'kpi_past_target' as alert_code,
    past_targets.kpi_code || '|' || past_targets.entity_code || '|' || past_targets.segment_type
    || '|' || past_targets.segment_code as alert_key,
    run.as_of_date,
    past_targets.kpi_code,
    past_targets.entity_code,
    past_targets.segment_type,
    past_targets.segment_code,
    past_targets.alert_value,
    past_targets.threshold_value,
    'as the KPI' as unit,
    run.reporting_currency_code as currency_code,
    past_targets.since_date,
    past_targets.kpi_code || ' should be '
    || case past_targets.direction when 'at_most' then 'at most ' else 'at least ' end
    || cast(past_targets.threshold_value as varchar) as message,
    past_targets.mart as row_table,
    'month ' || cast(past_targets.period_start as varchar) as row_keys

from past_targets
cross join run
