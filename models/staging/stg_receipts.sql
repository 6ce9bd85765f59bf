-- Money received from customers.
-- Grain: one row per entity and receipt.
with

receipts as (

    {{ current_rows('receipts') }}

)

select
    {{ receipt_key('receipts.entity_code', 'receipts.receipt_id') }} as item_key,
    receipts.entity_code,
    receipts.receipt_id,
    receipts.customer_code,
    receipts.receipt_date,
    receipts.amount,
    receipts.currency_code,
    receipts.method,
    receipts.reference,
    receipts.reversed_on,
    receipts.invoice_number,
    receipts._source,
    receipts._source_file,
    receipts._source_row,
    receipts._load_id

from receipts
