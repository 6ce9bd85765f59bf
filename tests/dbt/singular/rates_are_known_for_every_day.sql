-- A missing rate stops the run: it neither drops a row nor counts one currency as another.
with

uses as (

    select
        items.currency_code,
        items.booking_date as used_on,
        items.item_key as used_by
    from {{ ref('int_receivable_items') }} as items
    {% for feed in ['credit_limits', 'credit_insurance'] %}
    union all

    select
        {{ feed }}.currency_code,
        {{ feed }}.valid_from as used_on,
        '{{ feed }} of customer ' || {{ feed }}.customer_code as used_by
    from {{ ref('stg_' ~ feed) }} as {{ feed }}
    {% endfor %}
),

first_uses as (

    select
        uses.currency_code,
        min_by(uses.used_by, uses.used_on) as used_by
    from uses
    group by uses.currency_code

)

select
    'No exchange rate from ' || factors.currency_code || ' to '
    || coalesce(run.reporting_currency_code, 'the reporting currency') || ' from '
    || cast(min(factors.calendar_date) as varchar) || ' to '
    || cast(max(factors.calendar_date) as varchar) || ' (' || cast(count(*) as varchar)
    || ' days), needed since ' || first_uses.used_by
    || ': add rates to the feed fx_rates, on or before the first of these days' as message
from {{ ref('int_fx_factors') }} as factors
cross join {{ ref('int_run') }} as run
inner join first_uses on factors.currency_code = first_uses.currency_code
where factors.factor is null and run.reporting_currency_code is not null
group by factors.currency_code, run.reporting_currency_code, first_uses.used_by
