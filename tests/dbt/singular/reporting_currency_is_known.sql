-- With documents in several currencies, and no single base in fx_rates, nobody but the user knows.
select
    'Currency ' || items.currency_code || ': ' || cast(count(*) as varchar)
    || ' documents, the first is ' || min_by(items.item_key, items.booking_date)
    || '. Documents are in several currencies and fx_rates has no single base: correct the '
    || 'currency, or say which one to report in with --reporting-currency' as message
from {{ ref('int_receivable_items') }} as items
inner join {{ ref('int_run') }} as run on items.booking_date <= run.as_of_date
where run.reporting_currency_code is null
group by items.currency_code
