-- Receipts allocated in a period, with the days they took; what bounced counts against on its own
-- day.
-- Grain: one row per part, period and allocation.
{%- set amount = '-movements.movement_amount' %}
{%- set days_to_pay = days_between('movements.issue_date', 'movements.receipt_date') %}
{%- set days_late = days_between('movements.due_date', 'movements.receipt_date') %}
{%- set is_dated = 'movements.due_date is not null' %}
{%- set has_sector = 'set_customers.sector_days_to_pay is not null' %}
{%- set parts = {
    'allocated_amount': (amount, days_to_pay, 'true'),
    'allocated_dated_amount': (amount, days_late, is_dated),
    'allocated_on_time_amount': (amount, days_late, is_dated ~ ' and ' ~ days_late ~ ' <= 0'),
    'days_to_pay_weight': (amount ~ ' * ' ~ days_to_pay, days_to_pay, 'true'),
    'days_late_weight': (amount ~ ' * ' ~ days_late, days_late, is_dated),
    'days_beyond_terms_weight': (
        amount ~ ' * ' ~ days_late, days_late, is_dated ~ ' and ' ~ days_late ~ ' > 0'
    ),
    'sector_allocated_amount': (amount, days_to_pay, has_sector),
    'sector_days_to_pay_weight': (amount ~ ' * ' ~ days_to_pay, days_to_pay, has_sector),
    'sector_benchmark_weight': (amount ~ ' * set_customers.sector_days_to_pay', 'null', has_sector),
} %}
{%- for part, (measure, days, condition) in parts.items() %}
{{ 'union all' if not loop.first }}
select
    {{ contribution_columns({
        'part': "'" ~ part ~ "'",
        'scope_id': 'movements.dimension_set_id',
        'contribution': in_reporting(measure, 'factors.factor'),
        'record_type': "'allocation'",
        'record_key': movement_record_key('movements'),
        'item_key': 'movements.item_key',
        'event_date': 'movements.movement_date',
        'currency_code': 'movements.currency_code',
        'document_amount': amount,
        'factor': 'factors.factor',
        'days': days,
        'note': (
            "'days of the industry: ' || cast(set_customers.sector_days_to_pay as varchar)"
            if part == 'sector_benchmark_weight'
            else "case when movements.is_reversal then 'undone' end"
        ),
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
{%- if part.startswith('sector') %}
inner join {{ ref('set_customers') }} as set_customers
    on
        movements.dimension_set_id = set_customers.dimension_set_id
        and movements.movement_date >= set_customers.valid_from
        and movements.movement_date < set_customers.valid_to
{%- endif %}
where
    periods.period_grain <> 'day'
    and movements.movement_type = 'receipt_allocation'
    and movements.item_side = 'debit'
    and {{ condition }}
{%- endfor %}
{%- for part in ['settled_invoice_count', 'settled_days_count'] %}
{%- set days = days_between('settlements.issue_date', 'settlements.last_receipt_date') %}

union all

select
    {{ contribution_columns({
        'part': "'" ~ part ~ "'",
        'scope_id': 'settlements.dimension_set_id',
        'contribution': '1' if part == 'settled_invoice_count' else days,
        'record_type': 'settlements.item_type',
        'record_key': 'settlements.item_key',
        'item_key': 'settlements.item_key',
        'event_date': 'settlements.settled_on',
        'days': days,
        'note': "'settled, last receipt on ' || cast(settlements.last_receipt_date as varchar)",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('settlements') }} as settlements
    on
        periods.period_start <= settlements.settled_on
        and periods.period_end >= settlements.settled_on
        and periods.as_of_date >= settlements.valid_from
        and periods.as_of_date < settlements.valid_to
where periods.period_grain <> 'day' and settlements.is_settled_by_receipt
{%- endfor %}
