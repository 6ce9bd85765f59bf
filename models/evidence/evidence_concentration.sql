-- Open items behind the concentration of what is owed: those of the ten largest customers of a
-- slice, and those of every customer, each with its part of the squared share of its customer.
-- Grain: one row per part, period, slice of customer records and item.
{%- set share = 'cast(debtors.receivables_amount as double)'
    ~ ' / cast(debtors.slice_receivables_amount as double)' %}
{%- set item_part = 'cast(items.open_amount_reporting as double)'
    ~ ' / cast(debtors.items_amount as double)' %}
{%- set parts = {
    'top_10_amount': ('items.open_amount_reporting', 'debtors.debtor_rank <= 10'),
    'herfindahl_index': (item_part ~ ' * power(' ~ share ~ ', 2)', 'true'),
} %}
{% for part, (contribution, condition) in parts.items() -%}
select
    {{ contribution_columns({
        'part': "'" ~ part ~ "'",
        'period_grain': 'items.period_grain',
        'period_start': 'items.period_start',
        'scope': "'record_slice'",
        'scope_id': 'debtors.slice_id',
        'contribution': contribution,
        'record_type': 'items.item_type',
        'record_key': 'items.item_key',
        'item_key': 'items.item_key',
        'event_date': 'items.as_of_date',
        'currency_code': 'items.currency_code',
        'document_amount': 'items.open_amount',
        'factor': 'items.factor',
        'note': "'customer of rank ' || cast(debtors.debtor_rank as varchar)",
    }) }}
from {{ ref('largest_debtors') }} as debtors
inner join {{ ref('customer_items') }} as items
    on
        debtors.period_grain = items.period_grain
        and debtors.period_start = items.period_start
        and debtors.record_id = items.record_id
where {{ condition }}
{{ 'union all' if not loop.last }}
{% endfor %}
