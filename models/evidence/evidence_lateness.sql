-- What lateness costs: the overdue balance of every day, with the rates of the day, and the items
-- that fell overdue with their fees.
-- Grain: one row per part, period and state of an item.
{%- set first_day = 'greatest(states.valid_from, ' ~ add_days('states.due_date', 1)
    ~ ', periods.period_start)' %}
{%- set last_day = 'least(' ~ add_days('states.valid_to', -1) ~ ', periods.as_of_date)' %}
{%- set parts = {
    'overdue_amount_days': ('factors.factor', none),
    'financing_cost_amount': ('factors.factor * rates.financing_rate / 365', 'financing_rate'),
    'late_interest_amount': ('factors.factor * rates.late_payment_rate / 365', 'late_payment_rate'),
} %}
{%- for part, (day_factor, rate) in parts.items() %}
select
    {{ contribution_columns({
        'part': "'" ~ part ~ "'",
        'scope_id': 'states.dimension_set_id',
        'contribution': 'cast(states.open_amount as double) * sum(' ~ day_factor ~ ')',
        'record_type': 'states.item_type',
        'record_key': 'states.item_key',
        'item_key': 'states.item_key',
        'event_date': 'max(factors.calendar_date)',
        'currency_code': 'states.currency_code',
        'document_amount': 'states.open_amount',
        'factor': 'sum(' ~ day_factor ~ ')',
        'days': 'count(*)',
        'note': "'overdue from ' || cast(min(factors.calendar_date) as varchar)",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('item_states') }} as states
    on
        periods.as_of_date >= states.valid_from
        and periods.period_start < states.valid_to
        and periods.as_of_date > states.due_date
inner join {{ ref('fx_factors') }} as factors
    on
        states.currency_code = factors.currency_code
        and factors.calendar_date between {{ first_day }} and {{ last_day }}
{%- if rate %}
inner join {{ ref('daily_rates') }} as rates on factors.calendar_date = rates.calendar_date
{%- endif %}
where
    periods.period_grain <> 'day'
    and states.item_side = 'debit'
    and states.open_amount <> 0
    and {{ add_days('states.due_date', 1) }} < states.valid_to
    {{ 'and rates.' ~ rate ~ ' is not null' if rate }}
group by
    periods.period_grain, periods.period_start, states.dimension_set_id, states.item_type,
    states.item_key, states.valid_from, states.currency_code, states.open_amount

union all
{% endfor %}
-- An item falls overdue on the first day at whose end it can be in these books, if it is open then.
{%- set fell_overdue_on = 'greatest(' ~ add_days('states.due_date', 1) ~ ', states.booking_date)' %}
{%- for part in ['fell_overdue_count', 'flat_fee_amount'] %}
{{ 'union all' if not loop.first }}
select
    {{ contribution_columns({
        'part': "'" ~ part ~ "'",
        'scope_id': 'states.dimension_set_id',
        'contribution': (
            '1' if part == 'fell_overdue_count'
            else in_reporting('rates.flat_fee_amount', 'rates.flat_fee_factor')
        ),
        'record_type': 'states.item_type',
        'record_key': 'states.item_key',
        'item_key': 'states.item_key',
        'event_date': fell_overdue_on,
        'currency_code': (
            'states.currency_code' if part == 'fell_overdue_count'
            else 'rates.flat_fee_currency_code'
        ),
        'document_amount': (
            'states.open_amount' if part == 'fell_overdue_count' else 'rates.flat_fee_amount'
        ),
        'factor': 'null' if part == 'fell_overdue_count' else 'rates.flat_fee_factor',
        'note': "'fell overdue'",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('item_states') }} as states
    on
        periods.period_start <= {{ fell_overdue_on }}
        and periods.as_of_date >= {{ fell_overdue_on }}
{%- if part == 'flat_fee_amount' %}
inner join {{ ref('daily_rates') }} as rates on {{ fell_overdue_on }} = rates.calendar_date
{%- endif %}
where
    periods.period_grain <> 'day'
    and states.item_side = 'debit'
    and states.due_date is not null
    and states.open_amount <> 0
    and {{ fell_overdue_on }} >= states.valid_from
    and {{ fell_overdue_on }} < states.valid_to
    and (states.item_type <> 'opening' or states.due_date >= states.booking_date)
    {{ 'and rates.flat_fee_amount is not null' if part == 'flat_fee_amount' }}
{%- endfor %}
