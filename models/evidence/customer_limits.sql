-- The limits and covers that hold for each customer as a whole at the end of each period.
-- Grain: one row per period (month, quarter, year), customer record and limit or cover.
select
    periods.period_grain,
    periods.period_start,
    periods.as_of_date,
    records.record_id,
    records.entity_code,
    records.customer_code,
    records.risk_class,
    limits.feed,
    limits.record_key,
    limits.currency_code,
    limits.amount,
    factors.factor,
    limits.quota_rate

from {{ ref('periods') }} as periods
inner join {{ ref('record_limits') }} as limits
    on periods.as_of_date >= limits.valid_from and periods.as_of_date < limits.valid_to
inner join {{ ref('customer_records') }} as records
    on
        limits.record_id = records.record_id
        and periods.as_of_date >= records.first_booking_date
        and periods.as_of_date >= records.valid_from
        and periods.as_of_date < records.valid_to
inner join {{ ref('fx_factors') }} as factors
    on
        periods.as_of_date = factors.calendar_date
        and limits.currency_code = factors.currency_code
where periods.period_grain <> 'day'
