-- Open items behind the balances at the end of a period and before it.
-- Grain: one row per part, period and item.
{%- set debit = "states.item_side = 'debit'" %}
{%- set parts = {
    'receivables_amount': 'true',
    'open_invoices_amount': debit,
    'unallocated_amount': "states.item_side = 'credit'",
    'undated_amount': debit ~ ' and states.due_date is null',
    'not_due_amount': debit ~ ' and states.due_date >= periods.{day}',
    'overdue_amount': debit ~ ' and states.due_date < periods.{day}',
    'over_30_amount': debit ~ ' and ' ~ add_days('states.due_date', 30) ~ ' < periods.{day}',
    'over_60_amount': debit ~ ' and ' ~ add_days('states.due_date', 60) ~ ' < periods.{day}',
    'over_90_amount': debit ~ ' and ' ~ add_days('states.due_date', 90) ~ ' < periods.{day}',
    'factored_receivables_amount': 'states.is_factored',
} %}
{% for prefix, day in [('', 'as_of_date'), ('opening_', 'opening_date')] -%}
{%- for part, condition in parts.items() if prefix == '' or not part.startswith('factored') %}
select
    {{ contribution_columns({
        'part': "'" ~ prefix ~ part ~ "'",
        'scope_id': 'states.dimension_set_id',
        'contribution': in_reporting('states.open_amount', 'factors.factor'),
        'record_type': 'states.item_type',
        'record_key': 'states.item_key',
        'item_key': 'states.item_key',
        'event_date': 'periods.' ~ day,
        'currency_code': 'states.currency_code',
        'document_amount': 'states.open_amount',
        'factor': 'factors.factor',
        'days': "case when states.item_side = 'debit' then "
            ~ days_between('states.due_date', 'periods.' ~ day) ~ ' end',
        'note': "'open'",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('item_states') }} as states
    on periods.{{ day }} >= states.valid_from and periods.{{ day }} < states.valid_to
inner join {{ ref('fx_factors') }} as factors
    on
        periods.{{ day }} = factors.calendar_date
        and states.currency_code = factors.currency_code
where states.open_amount <> 0 and {{ condition.replace('{day}', day) }}

union all
{% endfor %}
{%- endfor %}
-- What would be open if everyone paid on the due date, paid or not.
select
    {{ contribution_columns({
        'part': "'theoretical_receivables_amount'",
        'scope_id': 'states.dimension_set_id',
        'contribution': in_reporting('states.signed_amount', 'factors.factor'),
        'record_type': 'states.item_type',
        'record_key': 'states.item_key',
        'item_key': 'states.item_key',
        'event_date': 'periods.as_of_date',
        'currency_code': 'states.currency_code',
        'document_amount': 'states.signed_amount',
        'factor': 'factors.factor',
        'days': days_between('states.due_date', 'periods.as_of_date'),
        'note': "'not due, whether paid or not'",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('item_states') }} as states
    on periods.as_of_date >= states.valid_from and periods.as_of_date < states.valid_to
inner join {{ ref('fx_factors') }} as factors
    on
        periods.as_of_date = factors.calendar_date
        and states.currency_code = factors.currency_code
where states.item_side = 'debit' and states.due_date >= periods.as_of_date
