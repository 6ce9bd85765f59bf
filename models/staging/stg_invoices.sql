-- Documents of the customer ledger with the sign they have there: a negative invoice is a credit
-- note, and a credit note lowers the balance whichever sign the export gives it.
-- Grain: one row per entity and document number.
with

invoices as (

    {{ current_rows('invoices') }}

),

typed as (

    select
        invoices.*,
        case
            when invoices.document_type = 'opening' then 'opening'
            when invoices.document_type = 'credit_note' or invoices.gross_amount < 0
                then 'credit_note'
            else coalesce(invoices.document_type, 'invoice')
        end as item_type

    from invoices

)

select
    {{ document_key('typed.entity_code', 'typed.invoice_number') }} as item_key,
    typed.item_type,
    case
        when typed.item_type = 'credit_note' or typed.gross_amount < 0 then 'credit'
        else 'debit'
    end as item_side,
    typed.entity_code,
    typed.invoice_number,
    typed.customer_code,
    typed.issue_date,
    case
        when typed.item_type = 'opening' then coalesce(typed.opening_date, typed.issue_date)
        else typed.issue_date
    end as booking_date,
    typed.due_date,
    typed.currency_code,
    cast(
        case
            when typed.item_type = 'credit_note' then -abs(typed.gross_amount)
            else typed.gross_amount
        end as decimal(18, 2)
    ) as signed_amount,
    cast(
        case
            when typed.item_type = 'credit_note' then -abs(typed.net_amount)
            else typed.net_amount
        end as decimal(18, 2)
    ) as signed_net_amount,
    case
        when typed.applies_to_invoice_number is not null
            then {{ document_key('typed.entity_code', 'typed.applies_to_invoice_number') }}
    end as applies_to_item_key,
    typed.applies_to_invoice_number,
    typed.payment_terms,
    typed.business_unit,
    typed.salesperson_code,
    coalesce(typed.is_factored, false) as is_factored,
    typed.is_insurable,
    typed._source,
    typed._source_file,
    typed._source_row,
    typed._load_id

from typed
