-- A missing rate stops the run: it neither drops a row nor counts one currency as another.
with

first_documents as (

    select
        items.currency_code,
        min_by(items.item_key, items.booking_date) as item_key
    from {{ ref('int_receivable_items') }} as items
    group by items.currency_code

)

select
    'No exchange rate from ' || factors.currency_code || ' to '
    || coalesce(run.reporting_currency_code, 'the reporting currency') || ' from '
    || cast(min(factors.calendar_date) as varchar) || ' to '
    || cast(max(factors.calendar_date) as varchar) || ' (' || cast(count(*) as varchar)
    || ' days), needed since ' || first_documents.item_key
    || ': add rates to the feed fx_rates, on or before the first of these days' as message
from {{ ref('int_fx_factors') }} as factors
cross join {{ ref('int_run') }} as run
inner join first_documents on factors.currency_code = first_documents.currency_code
where factors.factor is null and run.reporting_currency_code is not null
group by factors.currency_code, run.reporting_currency_code, first_documents.item_key
