-- The rates, fees and legal limits of the seeds that hold on each day; empty where none does yet.
-- Grain: one row per day.
{%- set seeds = {
    'financing_rates': ['annual_rate'],
    'late_payment_rates': ['annual_rate'],
    'legal_terms': ['max_days_net', 'max_days_end_of_month'],
    'flat_fees': ['fee_amount', 'currency_code'],
} %}
with

calendar as (

    select * from {{ ref('int_calendar') }}

),
{% for seed, columns in seeds.items() %}
{{ seed }} as (

    select
        {{ seed }}.valid_from,
        coalesce(
            lead({{ seed }}.valid_from) over (order by {{ seed }}.valid_from), date '9999-12-31'
        ) as valid_to,
        {{ seed }}.{{ columns | join(', ' ~ seed ~ '.') }}
    from {{ ref(seed) }} as {{ seed }}

),
{% endfor %}
dated as (

    select
        calendar.calendar_date,
        financing_rates.annual_rate as financing_rate,
        late_payment_rates.annual_rate as late_payment_rate,
        legal_terms.max_days_net,
        legal_terms.max_days_end_of_month,
        flat_fees.fee_amount as flat_fee_amount,
        flat_fees.currency_code as flat_fee_currency_code
    from calendar
    {% for seed in seeds %}
    left join {{ seed }}
        on
            calendar.calendar_date >= {{ seed }}.valid_from
            and calendar.calendar_date < {{ seed }}.valid_to
    {% endfor %}

)

select
    dated.*,
    quotes.factor as flat_fee_factor

from dated
left join {{ ref('int_fx_quotes') }} as quotes
    on
        dated.calendar_date = quotes.calendar_date
        and dated.flat_fee_currency_code = quotes.currency_code
