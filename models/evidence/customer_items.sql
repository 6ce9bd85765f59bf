-- The items that each customer as a whole has open at the end of each period.
-- Grain: one row per period (month, quarter, year), customer record and item.
select
    periods.period_grain,
    periods.period_start,
    periods.as_of_date,
    records.record_id,
    records.entity_code,
    records.customer_code,
    records.risk_class,
    records.is_high_risk,
    states.item_key,
    states.item_type,
    states.currency_code,
    states.open_amount,
    factors.factor,
    {{ in_reporting('states.open_amount', 'factors.factor') }} as open_amount_reporting

from {{ ref('periods') }} as periods
inner join {{ ref('item_states') }} as states
    on periods.as_of_date >= states.valid_from and periods.as_of_date < states.valid_to
inner join {{ ref('record_sets') }} as record_sets
    on states.dimension_set_id = record_sets.dimension_set_id
inner join {{ ref('customer_records') }} as records
    on
        record_sets.record_id = records.record_id
        and periods.as_of_date >= records.valid_from
        and periods.as_of_date < records.valid_to
inner join {{ ref('fx_factors') }} as factors
    on
        periods.as_of_date = factors.calendar_date
        and states.currency_code = factors.currency_code
where periods.period_grain <> 'day' and states.open_amount <> 0
