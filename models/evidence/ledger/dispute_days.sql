-- What each dispute, or reason of non-payment noted with a reminder, covers on the days that count:
-- that on which it opened, the last one on which it was open, and month-ends. Document currency.
-- Grain: one row per case and day.
with

cases as (

    select * from {{ ref('int_dispute_case_days') }}

),

items as (

    select * from {{ ref('int_receivable_items') }}

)

select
    case when cases.reason_kind = 'dispute' then 'disputes' else 'reminders' end
    || '|' || items.entity_code || '|' || cases.case_id as record_key,
    cases.reason_kind,
    cases.reason_code,
    cases.item_key,
    cast(cases.dimension_set_id as bigint) as dimension_set_id,
    cases.currency_code,
    cases.opened_on,
    cases.closed_on,
    cases.case_day,
    cases.is_open,
    cases.covered_amount

from cases
inner join items on cases.item_key = items.item_key
