-- Disputes, and reasons of non-payment noted with reminders, behind the figures of disputes. Each
-- amount is what the case covers at the end of the day.
-- Grain: one row per part, period and case.
{%- set last_day = 'greatest(cases.opened_on, ' ~ add_days('cases.closed_on', -1) ~ ')' %}
{%- set open_days = days_between('cases.opened_on', 'periods.as_of_date') %}
{%- set resolution_days = days_between('cases.opened_on', 'cases.closed_on') %}
{%- set events = {
    'opened': ('cases.opened_on', 'cases.case_day = cases.opened_on', 'null'),
    'closed': ('cases.closed_on', 'cases.case_day = ' ~ last_day, resolution_days),
    'open': (
        'periods.as_of_date', 'cases.case_day = periods.as_of_date and cases.is_open', open_days
    ),
} %}
{%- set parts = {
    'disputed_amount': ('open', 'amount', 'true'),
    'open_dispute_count': ('open', '1', 'true'),
    'disputes_over_30_days_count': ('open', '1', open_days ~ ' > 30'),
    'disputes_over_30_days_amount': ('open', 'amount', open_days ~ ' > 30'),
    'disputes_opened_count': ('opened', '1', 'true'),
    'disputes_closed_count': ('closed', '1', 'true'),
    'resolution_days_count': ('closed', resolution_days, 'true'),
} %}
{%- set reasons = {
    'reason_opened_count': ('opened', '1', 'true'),
    'reason_opened_amount': ('opened', 'amount', 'true'),
    'reason_closed_count': ('closed', '1', 'true'),
    'reason_closed_amount': ('closed', 'amount', 'true'),
    'reason_open_count': ('open', '1', 'true'),
    'reason_open_amount': ('open', 'amount', 'true'),
} %}
{%- set all_parts = dict(parts, **reasons) %}
{% for part, (event, contribution, condition) in all_parts.items() -%}
{%- set day, is_day, days = events[event] -%}
select
    {{ contribution_columns({
        'part': "'" ~ part ~ "'",
        'row_key': "cases.reason_kind || '|' || cases.reason_code" if part in reasons else "''",
        'scope_id': (
            'coalesce(item_sets.dimension_set_id, cases.dimension_set_id)' if event == 'closed'
            else 'cases.dimension_set_id'
        ),
        'contribution': (
            in_reporting('cases.covered_amount', 'factors.factor')
            if contribution == 'amount' else contribution
        ),
        'record_type': "case when cases.reason_kind = 'dispute' then 'dispute' else 'reminder' end",
        'record_key': 'cases.record_key',
        'item_key': 'cases.item_key',
        'event_date': day,
        'currency_code': 'cases.currency_code',
        'document_amount': 'cases.covered_amount',
        'factor': 'factors.factor',
        'days': days,
        'note': 'cases.reason_code',
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('dispute_days') }} as cases
    on periods.period_start <= {{ day }} and periods.as_of_date >= {{ day }}
inner join {{ ref('fx_factors') }} as factors
    on
        cases.case_day = factors.calendar_date
        and cases.currency_code = factors.currency_code
{%- if event == 'closed' %}
left join {{ ref('item_sets') }} as item_sets
    on
        cases.item_key = item_sets.item_key
        and cases.closed_on >= item_sets.valid_from
        and cases.closed_on < item_sets.valid_to
{%- endif %}
where
    periods.period_grain <> 'day'
    and {{ is_day }}
    and {{ condition }}
    {%- if part in parts %}
    and cases.reason_kind = 'dispute'
    {%- endif %}
{{ 'union all' if not loop.last }}
{% endfor %}
