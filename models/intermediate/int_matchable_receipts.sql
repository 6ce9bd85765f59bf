-- Receipts that name no invoice and have no allocation in the books, of sources that ask for
-- matching, with the rules they may be matched by. Refunds are left alone, and what was reversed on
-- the day it came.
-- Grain: one row per receipt.
with

rules as (

    select
        rules.source_name,
        max(case when rules.matching_rule = 'reference' then 1 else 0 end) = 1 as by_reference,
        max(case when rules.matching_rule = 'exact_amount' then 1 else 0 end) = 1 as by_amount,
        max(case when rules.matching_rule = 'oldest_first' then 1 else 0 end) = 1 as by_age
    from {{ source('run', 'matching_rules') }} as rules
    group by rules.source_name

),

booked as (

    select distinct allocations.receipt_item_key
    from {{ ref('stg_allocations') }} as allocations
    where allocations.kind = 'receipt'

)

select
    receipts.item_key as receipt_item_key,
    receipts.entity_code,
    coalesce(receipts.customer_code, '(unknown)') as customer_code,
    receipts.currency_code,
    receipts.receipt_date,
    receipts.reversed_on,
    receipts.reference,
    receipts.amount,
    rules.by_reference,
    rules.by_amount,
    rules.by_age

from {{ ref('stg_receipts') }} as receipts
inner join rules on receipts._source = rules.source_name
left join booked on receipts.item_key = booked.receipt_item_key
where
    booked.receipt_item_key is null
    and receipts.invoice_number is null
    and receipts.amount > 0
    and (receipts.reversed_on is null or receipts.reversed_on > receipts.receipt_date)
