-- The documents of the customer ledger, of invoices and receipts alike, each with its customer.
-- Amounts are signed from the seller's side: what the customer owes is positive. Due dates are in
-- int_payment_terms.
-- Grain: one row per document.
with

invoices as (

    select * from {{ ref('stg_invoices') }}

),

-- Some exports say what a receipt pays and not who paid.
payers as (

    select
        receipts.item_key,
        coalesce(invoices.customer_code, '(unknown)') as customer_code
    from {{ ref('stg_receipts') }} as receipts
    left join invoices
        on {{ document_key('receipts.entity_code', 'receipts.invoice_number') }} = invoices.item_key
    where receipts.customer_code is null

)

select
    invoices.item_key,
    invoices.item_type,
    invoices.item_side,
    invoices.entity_code,
    invoices.customer_code,
    invoices.invoice_number as document_number,
    invoices.issue_date,
    invoices.booking_date,
    invoices.currency_code,
    invoices.signed_amount,
    invoices.signed_net_amount as net_amount,
    invoices.is_factored,
    cast(null as date) as reversed_on,
    coalesce(invoices.business_unit, '') as own_business_unit,
    coalesce(invoices.salesperson_code, '') as own_salesperson_code

from invoices

union all

select
    receipts.item_key,
    'receipt' as item_type,
    'credit' as item_side,
    receipts.entity_code,
    coalesce(receipts.customer_code, payers.customer_code) as customer_code,
    receipts.receipt_id as document_number,
    receipts.receipt_date as issue_date,
    receipts.receipt_date as booking_date,
    receipts.currency_code,
    cast(-receipts.amount as decimal(18, 2)) as signed_amount,
    cast(null as decimal(18, 2)) as net_amount,
    false as is_factored,
    receipts.reversed_on,
    '' as own_business_unit,
    '' as own_salesperson_code

from {{ ref('stg_receipts') }} as receipts
left join payers on receipts.item_key = payers.item_key
