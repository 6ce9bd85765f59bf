-- Every item of the customer ledger: invoices, debit notes, opening items, credit notes, receipts.
-- Amounts are signed from the seller's side: what the customer owes is positive. The dimension set
-- is that of the day on which the item is booked; later ones are in int_item_dimension_sets.
-- Grain: one row per item.
with

dimension_sets as (

    select * from {{ ref('int_dimension_set_history') }}

),

items as (

    select * from {{ ref('int_documents') }}

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
    payment_terms.due_date,
    payment_terms.due_date_source,
    payment_terms.payment_terms,
    coalesce(payment_terms.is_end_of_month_terms, false) as is_end_of_month_terms,
    items.currency_code,
    items.signed_amount,
    items.net_amount,
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
        and items.booking_date >= dimension_sets.valid_from
        and items.booking_date < dimension_sets.valid_to
left join {{ ref('int_payment_terms') }} as payment_terms on items.item_key = payment_terms.item_key
