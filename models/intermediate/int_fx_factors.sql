-- What one unit of each currency is worth in the reporting currency on each day, at the last rate
-- published on or before it. Empty where no rate is known: a test then stops the run.
-- Grain: one row per day and currency, from the first document, limit or cover in it on.
with

run as (

    select * from {{ ref('int_run') }}

),

calendar as (

    select * from {{ ref('int_calendar') }}

),

uses as (

    select
        items.currency_code,
        items.booking_date as first_date
    from {{ ref('int_receivable_items') }} as items
    {% for feed in ['credit_limits', 'credit_insurance'] %}
    union all

    select
        {{ feed }}.currency_code,
        greatest({{ feed }}.valid_from, run.first_movement_date) as first_date
    from {{ ref('stg_' ~ feed) }} as {{ feed }}
    cross join run
    {% endfor %}
),

currencies as (

    select
        uses.currency_code,
        min(uses.first_date) as first_date
    from uses
    group by uses.currency_code

)

select
    calendar.calendar_date,
    currencies.currency_code,
    case
        when currencies.currency_code = run.reporting_currency_code then cast(1 as double)
        else quotes.factor
    end as factor

from calendar
inner join currencies on calendar.calendar_date >= currencies.first_date
cross join run
left join {{ ref('int_fx_quotes') }} as quotes
    on
        calendar.calendar_date = quotes.calendar_date
        and currencies.currency_code = quotes.currency_code
