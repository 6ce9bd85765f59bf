-- Months of the accounts behind the cost of collection and the cash cycle, in the figures of the
-- entity and in those of the group.
-- Grain: one row per part, period, slice and record.
{%- set within = 'figures.period_month >= periods.period_start
        and figures.period_month <= periods.as_of_date' %}
{%- set last = 'figures.period_month = ' ~ period_start('month', 'periods.as_of_date') %}
{%- set opening = 'figures.period_month = ' ~ add_months('periods.period_start', -1) %}
{%- set parts = {
    'collection_cost_amount': ('cost_amount', within),
    'cost_of_goods_sold_amount': ('cost_of_goods_sold', within),
    'purchases_amount': ('purchases_amount', within),
    'ebitda_amount': ('ebitda_amount', within),
    'cash_flow_amount': ('cash_flow_amount', within),
    'free_cash_flow_amount': ('free_cash_flow_amount', within),
    'opening_inventory_amount': ('inventory_amount', opening),
    'inventory_amount': ('inventory_amount', last),
    'payables_amount': ('payables_amount', last),
} %}
{%- for part, (measure, condition) in parts.items() %}
{%- for entity in ['figures.entity_code', "'ALL'"] %}
{{ 'union all' if not (loop.first and part == 'collection_cost_amount') }}
select
    {{ contribution_columns({
        'part': "'" ~ part ~ "'",
        'scope': "'slice'",
        'scope_id': 'slices.scope_id',
        'contribution': 'figures.amount',
        'record_type': "'cost'" if measure == 'cost_amount' else "'financial'",
        'record_key': 'figures.record_key',
        'entity_code': 'figures.entity_code',
        'event_date': 'figures.period_month',
        'currency_code': 'periods.reporting_currency_code',
        'document_amount': 'figures.amount',
        'factor': '1',
        'note': 'figures.note',
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('account_figures') }} as figures
    on {{ condition }}
inner join {{ ref('members') }} as slices
    on
        slices.scope = 'slice'
        and slices.segment_type = 'all'
        and {{ entity }} = slices.entity_code
{%- if measure != 'cost_amount' %}
-- Of an entity without documents nothing counts.
inner join {{ ref('members') }} as entities
    on
        entities.scope = 'slice'
        and entities.segment_type = 'all'
        and figures.entity_code = entities.entity_code
{%- endif %}
where
    periods.period_grain <> 'day'
    and figures.measure = '{{ measure }}'
    {%- if measure != 'cost_amount' %}
    and figures.period_month = {{ period_start('month', 'figures.period_month') }}
    {%- endif %}
{% endfor %}
{%- endfor %}
