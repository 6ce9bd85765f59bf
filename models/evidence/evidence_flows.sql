-- Movements behind the flows of a period and of its rolling spans, each at the rate of its day;
-- what is undone counts against on its own day.
-- Grain: one row per part, period and movement.
{%- set issue = "movements.movement_type = 'issue'" %}
{%- set revenue = issue ~ " and movements.item_type in ('invoice', 'debit_note', 'credit_note')" %}
{%- set parts = {
    'revenue_amount': ('', revenue, 'period_start'),
    'factored_revenue_amount': ('', revenue ~ ' and movements.is_factored', 'period_start'),
    'rolling_3m_revenue_amount': ('', revenue, 'rolling_3m_start'),
    'rolling_12m_revenue_amount': ('', revenue, 'rolling_12m_start'),
    'opening_items_amount': ('', issue ~ " and movements.item_type = 'opening'", 'period_start'),
    'collected_amount': ('-', issue ~ " and movements.item_type = 'receipt'", 'period_start'),
    'collected_late_amount': (
        '-',
        "movements.movement_type = 'receipt_allocation' and movements.item_side = 'debit'"
        ~ ' and movements.receipt_date > movements.due_date',
        'period_start',
    ),
    'credit_note_amount': (
        '-', issue ~ " and movements.item_type = 'credit_note'", 'period_start'
    ),
    'write_off_amount': ('-', "movements.movement_type = 'write_off'", 'period_start'),
    'discount_amount': ('-', "movements.movement_type = 'discount'", 'period_start'),
    'transferred_amount': (
        '',
        "movements.movement_type in ('receipt_allocation', 'credit_note_allocation', 'transfer')",
        'period_start',
    ),
} %}
{% for part, (sign, condition, first_day) in parts.items() -%}
select
    {{ contribution_columns({
        'part': "'" ~ part ~ "'",
        'scope_id': 'movements.dimension_set_id',
        'contribution': in_reporting(sign ~ 'movements.movement_amount', 'factors.factor'),
        'record_type': movement_record_type('movements'),
        'record_key': movement_record_key('movements'),
        'item_key': 'movements.item_key',
        'event_date': 'movements.movement_date',
        'currency_code': 'movements.currency_code',
        'document_amount': sign ~ 'movements.movement_amount',
        'factor': 'factors.factor',
        'days': (
            days_between('movements.due_date', 'movements.receipt_date')
            if part == 'collected_late_amount' else 'null'
        ),
        'note': "case when movements.is_reversal then 'undone' end",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('movements') }} as movements
    on
        periods.{{ first_day }} <= movements.movement_date
        and periods.as_of_date >= movements.movement_date
inner join {{ ref('fx_factors') }} as factors
    on
        movements.movement_date = factors.calendar_date
        and movements.currency_code = factors.currency_code
where {{ condition }}
{{ 'union all' if not loop.last }}
{% endfor %}
