-- Documents and receipts behind what was collected of what was issued, due or overdue, and what
-- collecting cost.
-- Grain: one row per part, period and item, allocation or cost.
{%- set is_allocation =
    "movements.movement_type = 'receipt_allocation' and movements.item_side = 'debit'" %}
{%- set days_to_pay = days_between('movements.issue_date', 'movements.receipt_date') %}
{%- set cohorts = {
    'cohort_collected_amount': 'movements.movement_date <= periods.as_of_date',
} %}
{%- for days in [30, 60, 90] %}
{%- do cohorts.update({
    'cohort_collected_' ~ days ~ 'd_amount': days_to_pay ~ ' <= ' ~ days ~ ' and '
        ~ add_days('periods.period_end', days) ~ ' <= periods.run_as_of_date'
}) %}
{%- endfor %}
{%- for part, condition in cohorts.items() %}
select
    {{ contribution_columns({
        'part': "'" ~ part ~ "'",
        'scope_id': 'movements.item_dimension_set_id',
        'contribution': in_reporting('-movements.movement_amount', 'factors.factor'),
        'record_type': "'allocation'",
        'record_key': movement_record_key('movements'),
        'item_key': 'movements.item_key',
        'event_date': 'movements.issue_date',
        'currency_code': 'movements.currency_code',
        'document_amount': '-movements.movement_amount',
        'factor': 'factors.factor',
        'days': days_to_pay,
        'note': "case when movements.is_reversal then 'undone' else 'received' end || ' on '
            || cast(movements.movement_date as varchar)",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('movements') }} as movements
    on
        periods.period_start <= movements.issue_date
        and periods.as_of_date >= movements.issue_date
inner join {{ ref('fx_factors') }} as factors
    on
        movements.issue_date = factors.calendar_date
        and movements.currency_code = factors.currency_code
where
    periods.period_grain <> 'day'
    and {{ is_allocation }}
    and movements.item_type <> 'opening'
    and {{ condition }}

union all
{% endfor %}
-- What fell due, in the slice where it was on that day. An opening item that was overdue when it
-- was taken over fell due elsewhere.
{%- set fell_due_on = 'greatest(states.due_date, states.booking_date)' %}
select
    {{ contribution_columns({
        'part': "'fell_due_amount'",
        'scope_id': 'states.dimension_set_id',
        'contribution': in_reporting('states.signed_amount', 'factors.factor'),
        'record_type': 'states.item_type',
        'record_key': 'states.item_key',
        'item_key': 'states.item_key',
        'event_date': fell_due_on,
        'currency_code': 'states.currency_code',
        'document_amount': 'states.signed_amount',
        'factor': 'factors.factor',
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('item_states') }} as states
    on
        periods.period_start <= {{ fell_due_on }}
        and periods.as_of_date >= {{ fell_due_on }}
inner join {{ ref('fx_factors') }} as factors
    on
        {{ fell_due_on }} = factors.calendar_date
        and states.currency_code = factors.currency_code
where
    periods.period_grain <> 'day'
    and states.item_side = 'debit'
    and states.due_date is not null
    and {{ fell_due_on }} >= states.valid_from
    and {{ fell_due_on }} < states.valid_to
    and (states.item_type <> 'opening' or states.due_date >= states.booking_date)

union all

select
    {{ contribution_columns({
        'part': "'on_time_amount'",
        'scope_id': 'states.dimension_set_id',
        'contribution': in_reporting('-movements.movement_amount', 'factors.factor'),
        'record_type': "'allocation'",
        'record_key': movement_record_key('movements'),
        'item_key': 'movements.item_key',
        'event_date': fell_due_on,
        'currency_code': 'movements.currency_code',
        'document_amount': '-movements.movement_amount',
        'factor': 'factors.factor',
        'days': days_between('movements.due_date', 'movements.receipt_date'),
        'note': "case when movements.is_reversal then 'undone on '
            || cast(movements.movement_date as varchar) end",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('item_states') }} as states
    on
        periods.period_start <= {{ fell_due_on }}
        and periods.as_of_date >= {{ fell_due_on }}
inner join {{ ref('movements') }} as movements
    on
        states.item_key = movements.item_key
        and periods.as_of_date >= movements.movement_date
inner join {{ ref('fx_factors') }} as factors
    on
        {{ fell_due_on }} = factors.calendar_date
        and states.currency_code = factors.currency_code
where
    periods.period_grain <> 'day'
    and states.item_side = 'debit'
    and states.due_date is not null
    and {{ fell_due_on }} >= states.valid_from
    and {{ fell_due_on }} < states.valid_to
    and (states.item_type <> 'opening' or states.due_date >= states.booking_date)
    and {{ is_allocation }}
    and movements.receipt_date <= movements.due_date
{#- First day of the period at whose end the state is overdue. #}
{%- set first_overdue = 'greatest(states.valid_from, ' ~ add_days('states.due_date', 1)
    ~ ', periods.period_start)' %}
{%- for part in ['overdue_invoice_count', 'activated_invoice_count'] %}

union all

-- Items overdue on a day of the period, each where it was on the first of these days.
select
    {{ contribution_columns({
        'part': "'" ~ part ~ "'",
        'scope_id': 'min_by(states.dimension_set_id, ' ~ first_overdue ~ ')',
        'contribution': '1',
        'record_type': 'states.item_type',
        'record_key': 'states.item_key',
        'item_key': 'states.item_key',
        'event_date': 'min(' ~ first_overdue ~ ')',
        'currency_code': 'states.currency_code',
        'document_amount': 'max(states.open_amount)',
        'note': "'first day overdue in the period'" if part == 'overdue_invoice_count'
            else "'received in the period, last on ' || cast(max(movements.movement_date) as varchar)",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('item_states') }} as states
    on
        periods.as_of_date >= states.valid_from
        and periods.period_start < states.valid_to
        and periods.as_of_date > states.due_date
{%- if part == 'activated_invoice_count' %}
inner join {{ ref('movements') }} as movements
    on
        states.item_key = movements.item_key
        and periods.period_start <= movements.movement_date
        and periods.as_of_date >= movements.movement_date
        and not movements.is_reversal
left join {{ ref('movements') }} as undone
    on
        movements.item_key = undone.item_key
        and movements.event_key = undone.event_key
        and undone.is_reversal
        and undone.movement_type = 'receipt_allocation'
        and periods.as_of_date >= undone.movement_date
{%- endif %}
where
    periods.period_grain <> 'day'
    and states.item_side = 'debit'
    and states.open_amount <> 0
    and {{ add_days('states.due_date', 1) }} < states.valid_to
    {%- if part == 'activated_invoice_count' %}
    and {{ is_allocation }}
    and undone.item_key is null
    {%- endif %}
group by
    periods.period_grain, periods.period_start, states.item_type, states.item_key,
    states.currency_code
{%- endfor %}
{%- for part in ['collectable_amount', 'collectable_open_amount'] %}

union all

-- Due by the as-of date, and open when the period began.
{%- set is_whole = part == 'collectable_amount' %}
{%- set rate_date = 'periods.opening_date' if is_whole else 'periods.as_of_date' %}
{%- set state = 'opening' if is_whole else 'closing' %}
select
    {{ contribution_columns({
        'part': "'" ~ part ~ "'",
        'scope_id': 'opening.dimension_set_id',
        'contribution': in_reporting(state ~ '.open_amount', 'factors.factor'),
        'record_type': 'opening.item_type',
        'record_key': 'opening.item_key',
        'item_key': 'opening.item_key',
        'event_date': rate_date,
        'currency_code': 'opening.currency_code',
        'document_amount': state ~ '.open_amount',
        'factor': 'factors.factor',
        'days': days_between('opening.due_date', 'periods.as_of_date'),
        'note': "'open before the period'" if is_whole else "'still open'",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('item_states') }} as opening
    on periods.opening_date >= opening.valid_from and periods.opening_date < opening.valid_to
{%- if not is_whole %}
inner join {{ ref('item_states') }} as closing
    on
        opening.item_key = closing.item_key
        and periods.as_of_date >= closing.valid_from
        and periods.as_of_date < closing.valid_to
{%- endif %}
inner join {{ ref('fx_factors') }} as factors
    on
        {{ rate_date }} = factors.calendar_date
        and opening.currency_code = factors.currency_code
where
    periods.period_grain <> 'day'
    and opening.item_side = 'debit'
    and opening.open_amount <> 0
    and opening.due_date <= periods.as_of_date
    {{ 'and closing.open_amount <> 0' if not is_whole }}

union all

-- Due by the as-of date, and booked in the period.
{%- set rate_date = 'movements.movement_date' if is_whole else 'periods.as_of_date' %}
{%- set amount = 'movements.movement_amount' if is_whole else 'closing.open_amount' %}
select
    {{ contribution_columns({
        'part': "'" ~ part ~ "'",
        'scope_id': 'movements.dimension_set_id',
        'contribution': in_reporting(amount, 'factors.factor'),
        'record_type': 'movements.item_type',
        'record_key': 'movements.item_key',
        'item_key': 'movements.item_key',
        'event_date': rate_date,
        'currency_code': 'movements.currency_code',
        'document_amount': amount,
        'factor': 'factors.factor',
        'days': days_between('movements.due_date', 'periods.as_of_date'),
        'note': "'booked in the period'" if is_whole else "'still open'",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('movements') }} as movements
    on
        periods.period_start <= movements.movement_date
        and periods.as_of_date >= movements.movement_date
{%- if not is_whole %}
inner join {{ ref('item_states') }} as closing
    on
        movements.item_key = closing.item_key
        and periods.as_of_date >= closing.valid_from
        and periods.as_of_date < closing.valid_to
{%- endif %}
inner join {{ ref('fx_factors') }} as factors
    on
        {{ rate_date }} = factors.calendar_date
        and movements.currency_code = factors.currency_code
where
    periods.period_grain <> 'day'
    and movements.movement_type = 'issue'
    and movements.item_side = 'debit'
    and movements.due_date <= periods.as_of_date
    {{ 'and closing.open_amount <> 0' if not is_whole }}
{%- endfor %}
