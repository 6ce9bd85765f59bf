-- With documents in several currencies, and no single base in fx_rates, nobody but the user knows.
select
    'Documents are in several currencies and fx_rates has no single base currency: '
    || 'say which one to report in with --reporting-currency' as message
from {{ ref('int_run') }} as run
where
    run.reporting_currency_code is null
    and exists (select 1 as found from {{ ref('int_receivable_items') }})
