-- Documents issued in a period, on which terms, and the customers that were active in it.
-- Grain: one row per part, period and document, or customer.
{%- set is_invoice = "movements.item_type in ('invoice', 'debit_note')" %}
{%- set terms_days = days_between('movements.issue_date', 'movements.due_date') %}
{%- set amount = 'movements.movement_amount' %}
{%- set parts = {
    'invoiced_amount': (amount, is_invoice),
    'invoiced_dated_amount': (amount, is_invoice ~ ' and movements.due_date is not null'),
    'terms_weight': (
        amount ~ ' * ' ~ terms_days, is_invoice ~ ' and movements.due_date is not null'
    ),
    'invoice_count': (none, is_invoice),
    'credit_note_count': (none, "movements.item_type = 'credit_note'"),
} %}
{%- for part, (measure, condition) in parts.items() %}
select
    {{ contribution_columns({
        'part': "'" ~ part ~ "'",
        'scope_id': 'movements.dimension_set_id',
        'contribution': in_reporting(measure, 'factors.factor') if measure else '1',
        'record_type': 'movements.item_type',
        'record_key': 'movements.item_key',
        'item_key': 'movements.item_key',
        'event_date': 'movements.issue_date',
        'currency_code': 'movements.currency_code',
        'document_amount': 'movements.movement_amount',
        'factor': 'factors.factor',
        'days': terms_days if part == 'terms_weight' else 'null',
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('movements') }} as movements
    on
        periods.period_start <= movements.movement_date
        and periods.as_of_date >= movements.movement_date
inner join {{ ref('fx_factors') }} as factors
    on
        movements.movement_date = factors.calendar_date
        and movements.currency_code = factors.currency_code
where
    periods.period_grain <> 'day'
    and movements.movement_type = 'issue'
    and {{ condition }}

union all
{% endfor %}
-- Terms that the law does not allow: due later than it says for the issue date.
select
    {{ contribution_columns({
        'part': "'legal_breach_amount'",
        'scope_id': 'movements.dimension_set_id',
        'contribution': in_reporting('movements.movement_amount', 'factors.factor'),
        'record_type': 'movements.item_type',
        'record_key': 'movements.item_key',
        'item_key': 'movements.item_key',
        'event_date': 'movements.issue_date',
        'currency_code': 'movements.currency_code',
        'document_amount': 'movements.movement_amount',
        'factor': 'factors.factor',
        'days': terms_days,
        'note': "'terms longer than the law allows'",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('movements') }} as movements
    on
        periods.period_start <= movements.movement_date
        and periods.as_of_date >= movements.movement_date
inner join {{ ref('items') }} as items on movements.item_key = items.item_key
inner join {{ ref('daily_rates') }} as rates on movements.issue_date = rates.calendar_date
inner join {{ ref('fx_factors') }} as factors
    on
        movements.movement_date = factors.calendar_date
        and movements.currency_code = factors.currency_code
where
    periods.period_grain <> 'day'
    and movements.movement_type = 'issue'
    and {{ is_invoice }}
    and movements.due_date > {{ legal_due_date(
        'movements.issue_date', 'items.is_end_of_month_terms', 'rates.max_days_net',
        'rates.max_days_end_of_month'
    ) }}
{% for prefix, months in [('', 0), ('year_before_', 12)] %}
{%- for part in ['active_customer_count', 'signed_customer_count'] %}
{%- for reason in ['balance', 'movement'] %}
union all

select
    {{ contribution_columns({
        'part': "'" ~ prefix ~ part ~ "'",
        'scope_id': 'set_customers.dimension_set_id',
        'contribution': '1',
        'count_key': 'set_customers.customer_code',
        'record_type': "'customer'",
        'record_key': 'set_customers.customer_record_key',
        'entity_code': 'set_customers.entity_code',
        'customer_code': 'set_customers.customer_code',
        'event_date': (
            'set_customers.terms_signed_on' if part == 'signed_customer_count'
            else ('counted.as_of_date' if reason == 'balance' else 'max(movements.movement_date)')
        ),
        'note': "'has a balance'" if reason == 'balance' else "'moved in the period'",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('periods') }} as counted
    on
        periods.period_grain = counted.period_grain
        and {{ add_months('periods.period_start', -months) if months else 'periods.period_start' }}
        = counted.period_start
{%- if reason == 'balance' %}
inner join {{ ref('item_states') }} as states
    on counted.as_of_date >= states.valid_from and counted.as_of_date < states.valid_to
inner join {{ ref('set_customers') }} as set_customers
    on
        states.dimension_set_id = set_customers.dimension_set_id
        and counted.as_of_date >= set_customers.valid_from
        and counted.as_of_date < set_customers.valid_to
{%- else %}
inner join {{ ref('movements') }} as movements
    on
        counted.period_start <= movements.movement_date
        and counted.as_of_date >= movements.movement_date
inner join {{ ref('set_customers') }} as set_customers
    on
        movements.dimension_set_id = set_customers.dimension_set_id
        and counted.as_of_date >= set_customers.valid_from
        and counted.as_of_date < set_customers.valid_to
{%- endif %}
where
    periods.period_grain <> 'day'
    {%- if reason == 'balance' %}
    and states.open_amount <> 0
    {%- endif %}
    {%- if part == 'signed_customer_count' %}
    and set_customers.terms_signed_on <= counted.as_of_date
    {%- endif %}
group by
    periods.period_grain, periods.period_start, counted.as_of_date,
    set_customers.dimension_set_id, set_customers.entity_code, set_customers.customer_code,
    set_customers.terms_signed_on, set_customers.customer_record_key
{% endfor %}
{%- endfor %}
{%- endfor %}
