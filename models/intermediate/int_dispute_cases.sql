-- What customers hold against paying an item, as cases that open and close: disputes, and the
-- reasons for not paying that were noted with reminders. Claims in document currency, empty where
-- the case is about the whole balance. The dimension set is that of the day on which it opened.
-- Grain: one row per item and case.
with

run as (

    select * from {{ ref('int_run') }}

),

items as (

    select items.* from {{ ref('int_receivable_items') }} as items
    where items.item_side = 'debit'

),

disputes as (

    select
        'dispute' as reason_kind,
        disputes.dispute_id as case_id,
        disputes.item_key,
        coalesce(disputes.reason_code, '(none)') as reason_code,
        greatest(disputes.opened_on, items.booking_date) as opened_on,
        case
            when disputes.closed_on is not null
                then greatest(disputes.closed_on, disputes.opened_on, items.booking_date)
        end as closed_on,
        disputes.amount as claim_amount
    from {{ ref('stg_disputes') }} as disputes
    inner join items on disputes.item_key = items.item_key

),

-- The last reason of a day counts.
reasons as (

    select
        reminders.item_key,
        reminders.reminder_id,
        reminders.done_on as noted_on,
        reminders.non_payment_reason as reason_code,
        row_number() over (
            partition by reminders.item_key, reminders.done_on
            order by reminders.reminder_id desc
        ) as place
    from {{ ref('int_reminders') }} as reminders
    where reminders.done_on is not null and reminders.non_payment_reason is not null

),

zero_days as (

    select
        reasons.item_key,
        reasons.noted_on,
        min(greatest(history.valid_from, reasons.noted_on)) as zero_on
    from reasons
    inner join {{ ref('int_item_history') }} as history
        on reasons.item_key = history.item_key and reasons.noted_on < history.valid_to
    where reasons.place = 1 and history.open_amount = 0
    group by reasons.item_key, reasons.noted_on

),

sequence as (

    select
        reasons.item_key,
        reasons.reminder_id,
        reasons.noted_on,
        reasons.reason_code,
        zero_days.zero_on,
        lag(reasons.reason_code) over item_days as previous_reason_code,
        lag(zero_days.zero_on) over item_days as previous_zero_on,
        lead(reasons.noted_on) over item_days as next_noted_on
    from reasons
    left join zero_days
        on reasons.item_key = zero_days.item_key and reasons.noted_on = zero_days.noted_on
    where reasons.place = 1
    window item_days as (partition by reasons.item_key order by reasons.noted_on)

),

-- The same reason noted again goes on, unless the item was settled before.
notes as (

    select
        sequence.item_key,
        sequence.reminder_id,
        sequence.noted_on,
        sequence.reason_code,
        least(
            coalesce(sequence.zero_on, date '9999-12-31'),
            coalesce(sequence.next_noted_on, date '9999-12-31')
        ) as ends_on,
        sum(
            case
                when
                    sequence.reason_code = sequence.previous_reason_code
                    and coalesce(sequence.previous_zero_on >= sequence.noted_on, true)
                    then 0
                else 1
            end
        ) over (
            partition by sequence.item_key order by sequence.noted_on
            rows between unbounded preceding and current row
        ) as case_number
    from sequence

),

non_payments as (

    select
        'non_payment' as reason_kind,
        min_by(
            notes.reminder_id, cast(notes.noted_on as varchar) || ' ' || notes.reminder_id
        ) as case_id,
        notes.item_key,
        notes.reason_code,
        min(notes.noted_on) as opened_on,
        max(notes.ends_on) as closed_on,
        cast(null as decimal(18, 2)) as claim_amount
    from notes
    group by notes.item_key, notes.case_number, notes.reason_code

),

cases as (

    select * from disputes
    union all
    select * from non_payments

)

select
    cases.reason_kind,
    cases.case_id,
    cases.item_key,
    coalesce(item_sets.dimension_set_id, items.dimension_set_id) as dimension_set_id,
    items.currency_code,
    cases.reason_code,
    cases.opened_on,
    case when cases.closed_on <= run.as_of_date then cases.closed_on end as closed_on,
    cases.claim_amount

from cases
cross join run
inner join items on cases.item_key = items.item_key
{{ dimension_set_of_day('cases.item_key', 'cases.opened_on') }}
where cases.opened_on <= run.as_of_date
