-- Promises to pay a debit item and what became of them, amounts in document currency.
-- Grain: one row per promise.
with

promises as (

    select * from {{ ref('int_promises') }}

)

select
    {{ record_key('promises', 'promises') }} as record_key,
    promises.item_key,
    cast(promises.dimension_set_id as bigint) as dimension_set_id,
    promises.currency_code,
    promises.made_on,
    promises.promised_date,
    promises.reached_on,
    promises.kept_on,
    promises.broken_on,
    promises.promised_amount

from promises
