-- The payment terms of each document, its own before those that its customer has on the issue date,
-- and the due date: the one of the export, else what the terms say. Credits get no due date from
-- terms.
-- Grain: one row per document of the invoices feed.
with

documents as (

    select
        invoices.item_key,
        invoices.item_side,
        invoices.issue_date,
        invoices.due_date as exported_due_date,
        coalesce(
            nullif(trim(invoices.payment_terms), ''), nullif(trim(customers.payment_terms), '')
        ) as payment_terms
    from {{ ref('stg_invoices') }} as invoices
    left join {{ ref('int_customer_history') }} as customers
        on
            invoices.entity_code = customers.entity_code
            and invoices.customer_code = customers.customer_code
            and invoices.issue_date >= customers.valid_from
            and invoices.issue_date < customers.valid_to

),

terms as (

    {{ parse_payment_terms('documents', 'payment_terms') }}

),

dated as (

    select
        documents.*,
        terms.terms_kind,
        terms.terms_days,
        terms.terms_day_of_month,
        case
            when documents.item_side = 'debit'
                then
                    {{ payment_due_date(
                        'documents.issue_date', 'terms.terms_kind', 'terms.terms_days',
                        'terms.terms_day_of_month'
                    ) }}
        end as terms_due_date
    from documents
    left join terms on documents.payment_terms = terms.payment_terms

)

select
    dated.item_key,
    dated.payment_terms,
    dated.terms_kind,
    dated.terms_days,
    dated.terms_day_of_month,
    coalesce(dated.terms_kind <> 'net', false) as is_end_of_month_terms,
    coalesce(dated.exported_due_date, dated.terms_due_date) as due_date,
    case
        when dated.exported_due_date is not null then 'export'
        when dated.terms_due_date is not null then 'terms'
    end as due_date_source

from dated
