-- Open items of customers as a whole, their limits and covers, and the revenue that is insured,
-- behind the figures of credit exposure.
-- Grain: one row per part, period, customer record, and item, limit, cover or movement.
{%- set owes = 'balances.receivables_amount > 0' %}
{%- set over_limit = 'balances.receivables_amount > limit_sums.amount' %}
{%- set over_cover = 'balances.receivables_amount > cover_sums.amount' %}
{%- set within_cover = owes ~ ' and balances.receivables_amount <= cover_sums.amount' %}
{%- set item_parts = {
    'exposure_receivables_amount': 'amount',
    'exposure_customer_with_balance_count': 'customer',
    'class_receivables_amount': 'amount',
    'class_customer_count': 'customer',
} %}
{%- set compared_item_parts = {
    'positive_receivables_amount': ('amount', owes),
    'high_risk_amount': ('amount', owes ~ ' and items.is_high_risk'),
    'limited_receivables_amount': ('amount', 'limit_sums.amount is not null'),
    'no_limit_customer_count': ('customer', 'limit_sums.amount is null'),
    'over_limit_amount': ('amount', over_limit),
    'over_limit_customer_count': ('customer', over_limit),
    'over_cover_customer_count': ('customer', over_cover),
    'insured_amount': ('insured', within_cover),
    'class_insured_amount': ('insured', within_cover),
} %}
{%- set limit_parts = {
    'limit_amount': 'credit_limits',
    'class_limit_amount': 'credit_limits',
    'insured_limit_amount': 'credit_insurance',
} %}
{%- set compared_limit_parts = {
    'over_limit_amount': ('credit_limits', 'less'),
    'over_limit_customer_count': ('credit_limits', 'customer'),
    'over_cover_customer_count': ('credit_insurance', 'customer'),
    'insured_amount': ('credit_insurance', 'insured'),
    'class_insured_amount': ('credit_insurance', 'insured'),
} %}
{%- set revenue_parts = {
    'insured_revenue_amount': 'cover_sums.amount is not null',
    'insurable_revenue_amount': 'records.is_insurable',
} %}
{%- set item_columns = {
    'period_grain': 'items.period_grain',
    'period_start': 'items.period_start',
    'scope': "'record'",
    'scope_id': 'items.record_id',
    'record_type': 'items.item_type',
    'record_key': 'items.item_key',
    'item_key': 'items.item_key',
    'event_date': 'items.as_of_date',
    'currency_code': 'items.currency_code',
    'document_amount': 'items.open_amount',
    'factor': 'items.factor',
} %}
{%- set item_measures = {
    'amount': {'contribution': 'items.open_amount_reporting', 'note': "'open'"},
    'customer': {'contribution': '1', 'count_key': 'items.customer_code', 'note': "'open'"},
    'insured': {
        'contribution': 'items.open_amount_reporting * cover_sums.quota_rate',
        'note': "'part insured ' || cast(cast(cover_sums.quota_rate as double) as varchar)",
    },
} %}
{%- set limit_columns = {
    'period_grain': 'limits.period_grain',
    'period_start': 'limits.period_start',
    'scope': "'record'",
    'scope_id': 'limits.record_id',
    'record_key': 'limits.record_key',
    'entity_code': 'limits.entity_code',
    'customer_code': 'limits.customer_code',
    'event_date': 'limits.as_of_date',
    'currency_code': 'limits.currency_code',
    'document_amount': 'limits.amount',
    'factor': 'limits.factor',
} %}
{%- set limit_measures = {
    'less': {
        'contribution': in_reporting('-limits.amount', 'limits.factor'), 'note': "'passed'"
    },
    'customer': {'contribution': '1', 'count_key': 'limits.customer_code', 'note': "'passed'"},
    'insured': {
        'contribution': '(' ~ in_reporting('limits.amount', 'limits.factor')
            ~ ') * limits.quota_rate',
        'note': "'passed, part insured ' || cast(cast(limits.quota_rate as double) as varchar)",
    },
} %}
{%- set record_types = {
    'credit_limits': "'credit_limit'", 'credit_insurance': "'credit_insurance'"
} %}
{% for part, measure in item_parts.items() -%}
select
    {{ contribution_columns(dict(
        item_columns,
        part="'" ~ part ~ "'",
        row_key='items.risk_class' if part.startswith('class_') else "''",
        **item_measures[measure]
    )) }}
from {{ ref('customer_items') }} as items

union all
{% endfor -%}
{% for part, (measure, condition) in compared_item_parts.items() %}
select
    {{ contribution_columns(dict(
        item_columns,
        part="'" ~ part ~ "'",
        row_key='items.risk_class' if part.startswith('class_') else "''",
        **item_measures[measure]
    )) }}
from {{ ref('customer_items') }} as items
inner join {{ ref('customer_balances') }} as balances
    on
        items.period_grain = balances.period_grain
        and items.period_start = balances.period_start
        and items.record_id = balances.record_id
left join {{ ref('customer_limit_sums') }} as limit_sums
    on
        items.period_grain = limit_sums.period_grain
        and items.period_start = limit_sums.period_start
        and items.record_id = limit_sums.record_id
        and limit_sums.feed = 'credit_limits'
left join {{ ref('customer_limit_sums') }} as cover_sums
    on
        items.period_grain = cover_sums.period_grain
        and items.period_start = cover_sums.period_start
        and items.record_id = cover_sums.record_id
        and cover_sums.feed = 'credit_insurance'
where {{ condition }}

union all
{% endfor -%}
{% for part, kind in limit_parts.items() %}
select
    {{ contribution_columns(dict(
        limit_columns,
        part="'" ~ part ~ "'",
        row_key='limits.risk_class' if part.startswith('class_') else "''",
        record_type=record_types[kind],
        contribution=in_reporting('limits.amount', 'limits.factor'),
        note="'in force'"
    )) }}
from {{ ref('customer_limits') }} as limits
where limits.feed = '{{ kind }}'

union all
{% endfor -%}
{% for part, (kind, measure) in compared_limit_parts.items() %}
select
    {{ contribution_columns(dict(
        limit_columns,
        part="'" ~ part ~ "'",
        row_key='limits.risk_class' if part.startswith('class_') else "''",
        record_type=record_types[kind],
        **limit_measures[measure]
    )) }}
from {{ ref('customer_limits') }} as limits
inner join {{ ref('customer_limit_sums') }} as sums
    on
        limits.period_grain = sums.period_grain
        and limits.period_start = sums.period_start
        and limits.record_id = sums.record_id
        and limits.feed = sums.feed
left join {{ ref('customer_balances') }} as balances
    on
        limits.period_grain = balances.period_grain
        and limits.period_start = balances.period_start
        and limits.record_id = balances.record_id
where
    limits.feed = '{{ kind }}'
    and coalesce(balances.receivables_amount, 0) > sums.amount
    {%- if measure == 'insured' %}
    and sums.amount > 0
    {%- endif %}

union all
{% endfor -%}
{% for part, condition in revenue_parts.items() %}
select
    {{ contribution_columns({
        'part': "'" ~ part ~ "'",
        'scope': "'record'",
        'scope_id': 'records.record_id',
        'contribution': in_reporting('movements.movement_amount', 'factors.factor'),
        'record_type': 'movements.item_type',
        'record_key': 'movements.item_key',
        'item_key': 'movements.item_key',
        'event_date': 'movements.movement_date',
        'currency_code': 'movements.currency_code',
        'document_amount': 'movements.movement_amount',
        'factor': 'factors.factor',
        'note': "'issued'",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('movements') }} as movements
    on
        periods.period_start <= movements.movement_date
        and periods.as_of_date >= movements.movement_date
inner join {{ ref('record_sets') }} as record_sets
    on movements.dimension_set_id = record_sets.dimension_set_id
inner join {{ ref('customer_records') }} as records
    on
        record_sets.record_id = records.record_id
        and periods.as_of_date >= records.valid_from
        and periods.as_of_date < records.valid_to
inner join {{ ref('fx_factors') }} as factors
    on
        movements.movement_date = factors.calendar_date
        and movements.currency_code = factors.currency_code
{%- if 'cover_sums.' in condition %}
inner join {{ ref('customer_limit_sums') }} as cover_sums
    on
        periods.period_grain = cover_sums.period_grain
        and periods.period_start = cover_sums.period_start
        and records.record_id = cover_sums.record_id
        and cover_sums.feed = 'credit_insurance'
{%- endif %}
where
    periods.period_grain <> 'day'
    and movements.movement_type = 'issue'
    and movements.item_type in ('invoice', 'debit_note', 'credit_note')
    and {{ condition }}
{{ 'union all' if not loop.last }}
{% endfor %}
