-- Open items and provisions behind what is doubtful, in default, provisioned and expected to be
-- lost.
-- Grain: one row per part, period and item or provision.
{%- set days_overdue = days_between('states.due_date', 'periods.as_of_date') %}
{%- set is_old =
    "states.item_side = 'debit' and states.open_amount > 0 and " ~ days_overdue ~ ' > 90' %}
{%- set parts = {
    'customer_with_balance_count': 'true',
    'default_customer_count': 'customers.is_insolvent or (' ~ is_old ~ ')',
    'doubtful_amount': 'customers.is_doubtful',
} %}
{% for part, condition in parts.items() -%}
select
    {{ contribution_columns({
        'part': "'" ~ part ~ "'",
        'scope_id': 'states.dimension_set_id',
        'contribution': (
            '1' if part.endswith('_count')
            else in_reporting('states.open_amount', 'factors.factor')
        ),
        'count_key': 'customers.customer_code' if part.endswith('_count') else 'null',
        'record_type': 'states.item_type',
        'record_key': 'states.item_key',
        'item_key': 'states.item_key',
        'event_date': 'periods.as_of_date',
        'currency_code': 'states.currency_code',
        'document_amount': 'states.open_amount',
        'factor': 'factors.factor',
        'days': "case when states.item_side = 'debit' then " ~ days_overdue ~ ' end',
        'note': (
            "case when customers.is_insolvent then 'customer insolvent' "
            ~ "else 'over 90 days' end" if part == 'default_customer_count' else "'open'"
        ),
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('item_states') }} as states
    on periods.as_of_date >= states.valid_from and periods.as_of_date < states.valid_to
inner join {{ ref('set_customers') }} as customers
    on
        states.dimension_set_id = customers.dimension_set_id
        and periods.as_of_date >= customers.valid_from
        and periods.as_of_date < customers.valid_to
inner join {{ ref('fx_factors') }} as factors
    on
        periods.as_of_date = factors.calendar_date
        and states.currency_code = factors.currency_code
where periods.period_grain <> 'day' and states.open_amount <> 0 and ({{ condition }})

union all
{% endfor -%}
{% for scope, entity_code in [('item_entity', 'customers.entity_code'), ('item_group', "'ALL'")] %}
select
    {{ contribution_columns({
        'part': "'expected_credit_loss_amount'",
        'scope': "'" ~ scope ~ "'",
        'scope_id': 'states.dimension_set_id',
        'contribution': '(' ~ in_reporting('states.open_amount', 'factors.factor')
            ~ ') * rates.loss_rate',
        'record_type': 'states.item_type',
        'record_key': 'states.item_key',
        'item_key': 'states.item_key',
        'event_date': 'periods.as_of_date',
        'currency_code': 'states.currency_code',
        'document_amount': 'states.open_amount',
        'factor': 'factors.factor',
        'days': "case when states.item_side = 'debit' then " ~ days_overdue ~ ' end',
        'note': "rates.ageing_bucket || ', loss rate '"
            ~ " || cast(cast(rates.loss_rate as double) as varchar)",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('item_states') }} as states
    on periods.as_of_date >= states.valid_from and periods.as_of_date < states.valid_to
inner join {{ ref('set_customers') }} as customers
    on
        states.dimension_set_id = customers.dimension_set_id
        and periods.as_of_date >= customers.valid_from
        and periods.as_of_date < customers.valid_to
inner join {{ ref('fx_factors') }} as factors
    on
        periods.as_of_date = factors.calendar_date
        and states.currency_code = factors.currency_code
inner join {{ ref('expected_loss_rates') }} as rates
    on
        periods.as_of_date = rates.as_of_date
        and {{ entity_code }} = rates.entity_code
        and case
            when states.item_side = 'credit' then rates.ageing_bucket = 'unallocated'
            when states.due_date is null then rates.ageing_bucket = 'undated'
            else
                rates.ageing_bucket not in ('undated', 'unallocated')
                and {{ days_overdue }} >= coalesce(rates.days_from, {{ days_overdue }})
                and {{ days_overdue }} <= coalesce(rates.days_to, {{ days_overdue }})
        end
where periods.period_grain <> 'day' and states.open_amount <> 0

union all
{% endfor %}
select
    {{ contribution_columns({
        'part': "'provision_amount'",
        'scope': "'entity_record'",
        'scope_id': 'records.record_id',
        'contribution': 'provisions.provision_amount',
        'record_type': "'provision'",
        'record_key': 'provisions.record_key',
        'entity_code': 'provisions.entity_code',
        'customer_code': 'provisions.customer_code',
        'event_date': 'provisions.valid_from',
        'note': "'in stock'",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('provisions') }} as provisions
    on
        periods.as_of_date >= provisions.valid_from
        and periods.as_of_date < provisions.valid_to
inner join {{ ref('customer_records') }} as records
    on
        provisions.entity_code = records.entity_code
        and provisions.customer_code = records.customer_code
        and periods.as_of_date >= records.first_booking_date
        and periods.as_of_date >= records.valid_from
        and periods.as_of_date < records.valid_to
where periods.period_grain <> 'day'
