-- Open items of each ageing bucket at the end of a period and before it, and what became of those
-- that stood in it before: receipts allocated to them, and what is open in an older bucket.
-- Grain: one row per part, bucket, period and item or movement.
{%- set balances = {
    'bucket_open_amount': 'as_of_date',
    'bucket_opening_amount': 'opening_date',
    'bucket_item_count': 'as_of_date',
} %}
{%- for part, day in balances.items() %}
{%- set days_overdue = days_between('states.due_date', 'periods.' ~ day) %}
select
    {{ contribution_columns({
        'part': "'" ~ part ~ "'",
        'row_key': 'buckets.ageing_bucket',
        'scope_id': 'states.dimension_set_id',
        'contribution': (
            '1' if part == 'bucket_item_count'
            else in_reporting('states.open_amount', 'factors.factor')
        ),
        'record_type': 'states.item_type',
        'record_key': 'states.item_key',
        'item_key': 'states.item_key',
        'event_date': 'periods.' ~ day,
        'currency_code': 'states.currency_code',
        'document_amount': 'states.open_amount',
        'factor': 'factors.factor',
        'days': "case when states.item_side = 'debit' then " ~ days_overdue ~ ' end',
        'note': "'open'",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('item_states') }} as states
    on periods.{{ day }} >= states.valid_from and periods.{{ day }} < states.valid_to
inner join {{ ref('fx_factors') }} as factors
    on
        periods.{{ day }} = factors.calendar_date
        and states.currency_code = factors.currency_code
inner join {{ ref('buckets') }} as buckets
    on
        case
            when states.item_side = 'credit' then buckets.ageing_bucket = 'unallocated'
            when states.due_date is null then buckets.ageing_bucket = 'undated'
            else {{ days_overdue }} between buckets.days_from and buckets.days_to
        end
where periods.period_grain <> 'day' and states.open_amount <> 0

union all
{% endfor %}
{%- set opening_days = days_between('opening.due_date', 'periods.opening_date') %}
{%- set closing_days = days_between('closing.due_date', 'periods.as_of_date') %}
select
    {{ contribution_columns({
        'part': "'rolled_amount'",
        'row_key': 'buckets.ageing_bucket',
        'scope_id': 'opening.dimension_set_id',
        'contribution': in_reporting('closing.open_amount', 'factors.factor'),
        'record_type': 'closing.item_type',
        'record_key': 'closing.item_key',
        'item_key': 'closing.item_key',
        'event_date': 'periods.as_of_date',
        'currency_code': 'closing.currency_code',
        'document_amount': 'closing.open_amount',
        'factor': 'factors.factor',
        'days': closing_days,
        'note': "'open in an older bucket'",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('item_states') }} as opening
    on periods.opening_date >= opening.valid_from and periods.opening_date < opening.valid_to
inner join {{ ref('item_states') }} as closing
    on
        opening.item_key = closing.item_key
        and periods.as_of_date >= closing.valid_from
        and periods.as_of_date < closing.valid_to
inner join {{ ref('fx_factors') }} as factors
    on
        periods.as_of_date = factors.calendar_date
        and closing.currency_code = factors.currency_code
inner join {{ ref('buckets') }} as buckets
    on {{ opening_days }} between buckets.days_from and buckets.days_to
where
    periods.period_grain <> 'day'
    and opening.item_side = 'debit'
    and opening.open_amount <> 0
    and closing.open_amount <> 0
    and {{ closing_days }} > buckets.days_to

union all

select
    {{ contribution_columns({
        'part': "'collected_from_bucket_amount'",
        'row_key': 'buckets.ageing_bucket',
        'scope_id': 'opening.dimension_set_id',
        'contribution': in_reporting('-movements.movement_amount', 'factors.factor'),
        'record_type': "'allocation'",
        'record_key': movement_record_key('movements'),
        'item_key': 'movements.item_key',
        'event_date': 'movements.movement_date',
        'currency_code': 'movements.currency_code',
        'document_amount': '-movements.movement_amount',
        'factor': 'factors.factor',
        'days': opening_days,
        'note': "case when movements.is_reversal then 'undone' end",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('item_states') }} as opening
    on periods.opening_date >= opening.valid_from and periods.opening_date < opening.valid_to
inner join {{ ref('movements') }} as movements
    on
        opening.item_key = movements.item_key
        and periods.period_start <= movements.movement_date
        and periods.as_of_date >= movements.movement_date
inner join {{ ref('fx_factors') }} as factors
    on
        movements.movement_date = factors.calendar_date
        and movements.currency_code = factors.currency_code
inner join {{ ref('buckets') }} as buckets
    on {{ opening_days }} between buckets.days_from and buckets.days_to
where
    periods.period_grain <> 'day'
    and opening.item_side = 'debit'
    and opening.open_amount <> 0
    and movements.movement_type = 'receipt_allocation'
