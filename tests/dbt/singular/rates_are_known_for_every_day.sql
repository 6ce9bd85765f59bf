-- A missing rate stops the run: it neither drops a row nor counts one currency as another.
select
    'No exchange rate from ' || factors.currency_code || ' to '
    || coalesce(run.reporting_currency_code, 'the reporting currency') || ' from '
    || cast(min(factors.calendar_date) as varchar) || ' to '
    || cast(max(factors.calendar_date) as varchar) || ' (' || cast(count(*) as varchar)
    || ' days): add rates to the feed fx_rates, on or before the first of these days' as message
from {{ ref('int_fx_factors') }} as factors
cross join {{ ref('int_run') }} as run
where factors.factor is null and run.reporting_currency_code is not null
group by factors.currency_code, run.reporting_currency_code
