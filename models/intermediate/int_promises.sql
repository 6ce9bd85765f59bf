-- What became of each promise to pay an invoice, judged with all that the run knows: receipts that
-- still stand, from the day on which the promise was made. Amounts in document currency. The
-- dimension set is that of the day on which it was made.
-- Grain: one row per entity and promise.
with

run as (

    select * from {{ ref('int_run') }}

),

allocations as (

    select * from {{ ref('int_receipt_allocations') }}

),

grace_days as (

    select
        thresholds.valid_from,
        coalesce(
            lead(thresholds.valid_from) over (order by thresholds.valid_from), date '9999-12-31'
        ) as valid_to,
        cast(thresholds.value as integer) as grace
    from {{ ref('thresholds') }} as thresholds
    where thresholds.threshold_code = 'promise_grace_days'

),

promises as (

    select
        promises.entity_code,
        promises.promise_id,
        promises.item_key,
        items.dimension_set_id as item_dimension_set_id,
        items.currency_code,
        greatest(promises.made_on, items.booking_date) as made_on,
        promises.promised_date,
        {{ add_days('promises.promised_date', 'coalesce(grace_days.grace, 0)') }} as deadline,
        promises.amount as promised_amount
    from {{ ref('stg_promises') }} as promises
    inner join {{ ref('int_receivable_items') }} as items on promises.item_key = items.item_key
    left join grace_days
        on
            promises.promised_date >= grace_days.valid_from
            and promises.promised_date < grace_days.valid_to
    where items.item_side = 'debit'

),

receipts as (

    select
        promises.entity_code,
        promises.promise_id,
        promises.promised_amount,
        allocations.receipt_date,
        sum(allocations.allocated_amount) as received_amount
    from promises
    inner join allocations
        on
            promises.item_key = allocations.item_key
            and promises.made_on <= allocations.receipt_date
    left join allocations as undone
        on allocations.event_key = undone.event_key and undone.is_reversal
    where not allocations.is_reversal and undone.event_key is null
    group by
        promises.entity_code, promises.promise_id, promises.promised_amount,
        allocations.receipt_date

),

received as (

    select
        receipts.entity_code,
        receipts.promise_id,
        receipts.promised_amount,
        receipts.receipt_date,
        sum(receipts.received_amount) over (
            partition by receipts.entity_code, receipts.promise_id
            order by receipts.receipt_date
            rows between unbounded preceding and current row
        ) as received_amount
    from receipts

),

reached as (

    select
        received.entity_code,
        received.promise_id,
        min(received.receipt_date) as reached_on
    from received
    where received.received_amount >= received.promised_amount
    group by received.entity_code, received.promise_id

),

judged as (

    select
        promises.*,
        run.as_of_date,
        case when promises.promised_amount <= 0 then promises.made_on else reached.reached_on end
            as reached_on,
        greatest({{ add_days('promises.deadline', 1) }}, promises.made_on) as breaks_on
    from promises
    cross join run
    left join reached
        on
            promises.entity_code = reached.entity_code
            and promises.promise_id = reached.promise_id
    where promises.made_on <= run.as_of_date

)

select
    judged.entity_code,
    judged.promise_id,
    judged.item_key,
    coalesce(item_sets.dimension_set_id, judged.item_dimension_set_id) as dimension_set_id,
    judged.currency_code,
    judged.made_on,
    judged.promised_date,
    judged.deadline,
    judged.promised_amount,
    judged.reached_on,
    case when judged.reached_on <= judged.deadline then judged.reached_on end as kept_on,
    case
        when
            judged.breaks_on <= judged.as_of_date
            and (judged.reached_on is null or judged.reached_on > judged.deadline)
            then judged.breaks_on
    end as broken_on

from judged
{{ dimension_set_of_day('judged.item_key', 'judged.made_on') }}
