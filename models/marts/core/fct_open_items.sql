-- What is open at the as-of date, document by document.
-- Grain: one row per open item.
with

run as (

    select * from {{ ref('int_run') }}

),

history as (

    select history.* from {{ ref('int_item_history') }} as history
    where history.open_amount <> 0 and history.valid_to = date '9999-12-31'

),

aged as (

    select
        items.item_key,
        items.days_overdue,
        items.ageing_bucket,
        items.open_amount_reporting
    from {{ ref('int_items_month_end') }} as items
    inner join run on items.as_of_date = run.as_of_date

)

select
    history.item_key,
    history.item_type,
    history.entity_code,
    history.customer_code,
    coalesce(customers.customer_name, history.customer_code) as customer_name,
    history.document_number,
    history.issue_date,
    history.due_date,
    items.due_date_source,
    history.currency_code,
    run.as_of_date,
    history.signed_amount as gross_amount,
    history.open_amount,
    aged.open_amount_reporting,
    run.reporting_currency_code,
    cast(aged.days_overdue as integer) as days_overdue,
    aged.ageing_bucket,
    history.is_disputed,
    history.disputed_amount,
    dimension_sets.customer_segment,
    dimension_sets.business_unit,
    dimension_sets.region,
    dimension_sets.customer_type,
    dimension_sets.industry as industry_code,
    dimension_sets.salesperson as salesperson_code,
    dimension_sets.collector as collector_code

from history
cross join run
inner join aged on history.item_key = aged.item_key
inner join {{ ref('int_receivable_items') }} as items on history.item_key = items.item_key
inner join {{ ref('int_dimension_sets') }} as dimension_sets
    on history.dimension_set_id = dimension_sets.dimension_set_id
inner join {{ ref('int_customers') }} as customers
    on
        history.entity_code = customers.entity_code
        and history.customer_code = customers.customer_code
