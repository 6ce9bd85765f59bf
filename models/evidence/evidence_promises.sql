-- Promises behind the figures of what became of them.
-- Grain: one row per part, period and promise.
{%- set events = {
    'active': (
        'periods.as_of_date',
        'promises.made_on <= periods.as_of_date'
        ~ ' and coalesce(promises.kept_on, promises.broken_on, ' ~ "date '9999-12-31'"
        ~ ') > periods.as_of_date',
    ),
    'kept': ('promises.kept_on', 'promises.kept_on is not null'),
    'broken': ('promises.broken_on', 'promises.broken_on is not null'),
} %}
{%- set delay_days = days_between('promises.promised_date', 'promises.reached_on') %}
{%- set delays = {'broken_settled_count': '1', 'broken_delay_days_count': delay_days} %}
{% for event, (day, condition) in events.items() -%}
{%- for measure in ['count', 'amount'] %}
select
    {{ contribution_columns({
        'part': "'" ~ event ~ '_promise_' ~ measure ~ "'",
        'scope_id': 'coalesce(item_sets.dimension_set_id, promises.dimension_set_id)',
        'contribution': (
            '1' if measure == 'count'
            else in_reporting('promises.promised_amount', 'factors.factor')
        ),
        'record_type': "'promise'",
        'record_key': 'promises.record_key',
        'item_key': 'promises.item_key',
        'event_date': day,
        'currency_code': 'promises.currency_code',
        'document_amount': 'promises.promised_amount',
        'factor': 'factors.factor',
        'note': "'promised for ' || cast(promises.promised_date as varchar)",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('promises') }} as promises
    on periods.period_start <= {{ day }} and periods.as_of_date >= {{ day }}
inner join {{ ref('fx_factors') }} as factors
    on
        {{ day }} = factors.calendar_date
        and promises.currency_code = factors.currency_code
left join {{ ref('item_sets') }} as item_sets
    on
        promises.item_key = item_sets.item_key
        and {{ day }} >= item_sets.valid_from
        and {{ day }} < item_sets.valid_to
where periods.period_grain <> 'day' and {{ condition }}

union all
{% endfor %}
{%- endfor %}
{%- for part, contribution in delays.items() %}
select
    {{ contribution_columns({
        'part': "'" ~ part ~ "'",
        'scope_id': 'coalesce(item_sets.dimension_set_id, promises.dimension_set_id)',
        'contribution': contribution,
        'record_type': "'promise'",
        'record_key': 'promises.record_key',
        'item_key': 'promises.item_key',
        'event_date': 'promises.reached_on',
        'currency_code': 'promises.currency_code',
        'document_amount': 'promises.promised_amount',
        'days': delay_days,
        'note': "'promised for ' || cast(promises.promised_date as varchar)",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('promises') }} as promises
    on
        periods.period_start <= promises.reached_on
        and periods.as_of_date >= promises.reached_on
left join {{ ref('item_sets') }} as item_sets
    on
        promises.item_key = item_sets.item_key
        and promises.reached_on >= item_sets.valid_from
        and promises.reached_on < item_sets.valid_to
where periods.period_grain <> 'day' and promises.broken_on is not null
{{ 'union all' if not loop.last }}
{% endfor %}
