-- Reminders, and the items that they chased or helped to settle, behind the figures of dunning.
-- Grain: one row per part, period and reminder or item.
{%- set planned = 'reminders.planned_on' %}
{%- set done = 'reminders.done_on' %}
{%- set reminders = {
    'reminders_planned_count': (planned, '1', 'true'),
    'reminders_planned_done_count': (planned, '1', 'reminders.done_on <= periods.as_of_date'),
    'reminders_done_count': (done, '1', 'true'),
    'matured_reminder_count': (done, '1', 'reminders.is_matured'),
    'successful_reminder_count': (done, '1', 'reminders.is_matured and reminders.is_successful'),
    'reminder_cost_amount': (done, 'reminders.cost_amount', 'reminders.cost_amount is not null'),
} %}
{%- set settled_days = days_between('first_reminders.first_done_on', 'settlements.settled_on') %}
{%- set settlements = {
    'reminded_settled_count': '1',
    'reminder_to_settlement_days_count': settled_days,
} %}
{%- set third_day = add_days('states.due_date', 3) %}
{%- set third_days = {
    'third_day_open_amount': 'true',
    'third_day_chased_amount': 'first_reminders.first_done_overdue_on <= ' ~ third_day,
} %}
{% for part, (day, contribution, condition) in reminders.items() -%}
select
    {{ contribution_columns({
        'part': "'" ~ part ~ "'",
        'scope_id': (
            'reminders.dimension_set_id' if day == planned else 'reminders.done_dimension_set_id'
        ),
        'contribution': contribution,
        'record_type': "'reminder'",
        'record_key': 'reminders.record_key',
        'item_key': 'reminders.item_key',
        'event_date': day,
        'note': "'level ' || cast(reminders.level as varchar)",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('reminders') }} as reminders
    on periods.period_start <= {{ day }} and periods.as_of_date >= {{ day }}
where periods.period_grain <> 'day' and {{ condition }}

union all
{% endfor -%}
{% for part, contribution in settlements.items() %}
select
    {{ contribution_columns({
        'part': "'" ~ part ~ "'",
        'scope_id': 'settlements.dimension_set_id',
        'contribution': contribution,
        'record_type': 'settlements.item_type',
        'record_key': 'settlements.item_key',
        'item_key': 'settlements.item_key',
        'event_date': 'settlements.settled_on',
        'days': settled_days,
        'note': "'first reminder on ' || cast(first_reminders.first_done_on as varchar)",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('settlements') }} as settlements
    on
        periods.period_start <= settlements.settled_on
        and periods.as_of_date >= settlements.settled_on
        and periods.as_of_date >= settlements.valid_from
        and periods.as_of_date < settlements.valid_to
inner join {{ ref('first_reminders') }} as first_reminders
    on
        settlements.item_key = first_reminders.item_key
        and settlements.settled_on >= first_reminders.first_done_on
where periods.period_grain <> 'day'

union all
{% endfor -%}
{% for part, condition in third_days.items() %}
select
    {{ contribution_columns({
        'part': "'" ~ part ~ "'",
        'scope_id': 'states.dimension_set_id',
        'contribution': in_reporting('states.open_amount', 'factors.factor'),
        'record_type': 'states.item_type',
        'record_key': 'states.item_key',
        'item_key': 'states.item_key',
        'event_date': third_day,
        'currency_code': 'states.currency_code',
        'document_amount': 'states.open_amount',
        'factor': 'factors.factor',
        'days': '3',
        'note': (
            "'chased on ' || cast(first_reminders.first_done_overdue_on as varchar)"
            if part == 'third_day_chased_amount' else "'open on the third day overdue'"
        ),
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('item_states') }} as states
    on periods.period_start <= {{ third_day }} and periods.as_of_date >= {{ third_day }}
inner join {{ ref('fx_factors') }} as factors
    on
        {{ third_day }} = factors.calendar_date
        and states.currency_code = factors.currency_code
{%- if part == 'third_day_chased_amount' %}
inner join {{ ref('first_reminders') }} as first_reminders
    on states.item_key = first_reminders.item_key
{%- endif %}
where
    periods.period_grain <> 'day'
    and states.item_side = 'debit'
    and states.open_amount <> 0
    and states.valid_from <= {{ third_day }}
    and states.valid_to > {{ third_day }}
    and {{ condition }}

union all
{% endfor %}
select
    {{ contribution_columns({
        'part': "'chased_overdue_amount'",
        'scope_id': 'states.dimension_set_id',
        'contribution': in_reporting('states.open_amount', 'factors.factor'),
        'record_type': 'states.item_type',
        'record_key': 'states.item_key',
        'item_key': 'states.item_key',
        'event_date': 'periods.as_of_date',
        'currency_code': 'states.currency_code',
        'document_amount': 'states.open_amount',
        'factor': 'factors.factor',
        'days': days_between('states.due_date', 'periods.as_of_date'),
        'note': "'chased on ' || cast(first_reminders.first_done_overdue_on as varchar)",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('item_states') }} as states
    on
        periods.as_of_date >= states.valid_from
        and periods.as_of_date < states.valid_to
        and periods.as_of_date > states.due_date
inner join {{ ref('first_reminders') }} as first_reminders
    on
        states.item_key = first_reminders.item_key
        and periods.as_of_date >= first_reminders.first_done_overdue_on
inner join {{ ref('fx_factors') }} as factors
    on
        periods.as_of_date = factors.calendar_date
        and states.currency_code = factors.currency_code
where
    periods.period_grain <> 'day' and states.item_side = 'debit' and states.open_amount <> 0
{%- for part in ['dunning_status_open_amount', 'dunning_status_item_count'] %}

union all

select
    {{ contribution_columns({
        'part': "'" ~ part ~ "'",
        'row_key': "coalesce(levels.dunning_level, 'none')",
        'scope_id': 'states.dimension_set_id',
        'contribution': (
            in_reporting('states.open_amount', 'factors.factor')
            if part == 'dunning_status_open_amount' else '1'
        ),
        'record_type': 'states.item_type',
        'record_key': 'states.item_key',
        'item_key': 'states.item_key',
        'event_date': 'periods.as_of_date',
        'currency_code': 'states.currency_code',
        'document_amount': 'states.open_amount',
        'factor': 'factors.factor',
        'days': days_between('states.due_date', 'periods.as_of_date'),
        'note': "'reached on ' || cast(levels.valid_from as varchar)",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('item_states') }} as states
    on periods.as_of_date >= states.valid_from and periods.as_of_date < states.valid_to
inner join {{ ref('fx_factors') }} as factors
    on
        periods.as_of_date = factors.calendar_date
        and states.currency_code = factors.currency_code
left join {{ ref('dunning_levels') }} as levels
    on
        states.item_key = levels.item_key
        and periods.as_of_date >= levels.valid_from
        and periods.as_of_date < levels.valid_to
where
    periods.period_grain <> 'day' and states.item_side = 'debit' and states.open_amount <> 0
{%- endfor %}
