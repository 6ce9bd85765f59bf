-- What rates did to the balance of a period: each item that was open before it at the change of the
-- rate, each movement in it at the change since its day.
-- Grain: one row per period and item open before, or movement, whose rate changed.
select
    {{ contribution_columns({
        'part': "'revaluation_amount'",
        'scope_id': 'states.dimension_set_id',
        'contribution': in_reporting('states.open_amount', '(closing.factor - opening.factor)'),
        'record_type': 'states.item_type',
        'record_key': 'states.item_key',
        'item_key': 'states.item_key',
        'event_date': 'periods.opening_date',
        'currency_code': 'states.currency_code',
        'document_amount': 'states.open_amount',
        'factor': 'closing.factor - opening.factor',
        'note': "'change of the rate since the day before the period'",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('item_states') }} as states
    on periods.opening_date >= states.valid_from and periods.opening_date < states.valid_to
inner join {{ ref('fx_factors') }} as opening
    on
        periods.opening_date = opening.calendar_date
        and states.currency_code = opening.currency_code
inner join {{ ref('fx_factors') }} as closing
    on
        periods.as_of_date = closing.calendar_date
        and states.currency_code = closing.currency_code
where states.open_amount <> 0 and closing.factor <> opening.factor

union all

select
    {{ contribution_columns({
        'part': "'revaluation_amount'",
        'scope_id': 'movements.dimension_set_id',
        'contribution': in_reporting('movements.movement_amount', '(closing.factor - own.factor)'),
        'record_type': movement_record_type('movements'),
        'record_key': movement_record_key('movements'),
        'item_key': 'movements.item_key',
        'event_date': 'movements.movement_date',
        'currency_code': 'movements.currency_code',
        'document_amount': 'movements.movement_amount',
        'factor': 'closing.factor - own.factor',
        'note': "'change of the rate since the day of the movement'",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('movements') }} as movements
    on
        periods.period_start <= movements.movement_date
        and periods.as_of_date >= movements.movement_date
inner join {{ ref('fx_factors') }} as own
    on
        movements.movement_date = own.calendar_date
        and movements.currency_code = own.currency_code
inner join {{ ref('fx_factors') }} as closing
    on
        periods.as_of_date = closing.calendar_date
        and movements.currency_code = closing.currency_code
where closing.factor <> own.factor
