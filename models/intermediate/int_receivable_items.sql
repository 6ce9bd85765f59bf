-- Every item of the customer ledger: invoices, debit notes, opening items, credit notes, receipts.
-- Amounts are signed from the seller's side: what the customer owes is positive.
-- Grain: one row per item.
with

dimension_sets as (

    select * from {{ ref('int_dimension_sets') }}

),

items as (

    select
        invoices.item_key,
        invoices.item_type,
        invoices.item_side,
        invoices.entity_code,
        invoices.customer_code,
        invoices.invoice_number as document_number,
        invoices.issue_date,
        invoices.booking_date,
        invoices.due_date,
        invoices.currency_code,
        invoices.signed_amount,
        invoices.is_factored,
        cast(null as date) as reversed_on,
        coalesce(invoices.business_unit, '') as own_business_unit,
        coalesce(invoices.salesperson_code, '') as own_salesperson_code
    from {{ ref('stg_invoices') }} as invoices

    union all

    select
        receipts.item_key,
        'receipt' as item_type,
        'credit' as item_side,
        receipts.entity_code,
        receipts.customer_code,
        receipts.receipt_id as document_number,
        receipts.receipt_date as issue_date,
        receipts.receipt_date as booking_date,
        cast(null as date) as due_date,
        receipts.currency_code,
        cast(-receipts.amount as decimal(18, 2)) as signed_amount,
        false as is_factored,
        receipts.reversed_on,
        '' as own_business_unit,
        '' as own_salesperson_code
    from {{ ref('stg_receipts') }} as receipts

)

select
    items.item_key,
    items.item_type,
    items.item_side,
    items.entity_code,
    items.customer_code,
    items.document_number,
    items.issue_date,
    items.booking_date,
    items.due_date,
    items.currency_code,
    items.signed_amount,
    items.is_factored,
    items.reversed_on,
    dimension_sets.dimension_set_id

from items
inner join dimension_sets
    on
        items.entity_code = dimension_sets.entity_code
        and items.customer_code = dimension_sets.customer_code
        and items.own_business_unit = dimension_sets.own_business_unit
        and items.own_salesperson_code = dimension_sets.own_salesperson_code
