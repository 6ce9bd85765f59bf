-- The limits and covers that hold for each customer as a whole at the end of each period: the
-- latest one valid on the day, of its entity, else the common one, else, for the group, one per
-- entity.
-- Grain: one row per period (month, quarter, year), customer record and limit or cover.
with

candidates as (

    select
        periods.period_grain,
        periods.period_start,
        periods.as_of_date,
        records.record_id,
        records.entity_code,
        records.customer_code,
        records.risk_class,
        limits.record_type,
        limits.record_key,
        limits.currency_code,
        limits.amount,
        factors.factor,
        limits.quota_rate,
        case
            when limits.entity_code = records.entity_code then 1
            when limits.entity_code is null then 2
            else 3
        end as preference,
        row_number() over (
            partition by
                periods.period_grain, periods.period_start, records.record_id,
                limits.record_type, limits.entity_code
            order by limits.valid_from desc
        ) as recency
    from {{ ref('periods') }} as periods
    inner join {{ ref('credit_limits') }} as limits
        on periods.as_of_date >= limits.valid_from and periods.as_of_date <= limits.last_day
    inner join {{ ref('customer_records') }} as records
        on
            limits.customer_code = records.customer_code
            and (
                limits.entity_code is null
                or limits.entity_code = records.entity_code
                or records.entity_code = 'ALL'
            )
            and periods.as_of_date >= records.first_booking_date
    inner join {{ ref('fx_factors') }} as factors
        on
            periods.as_of_date = factors.calendar_date
            and limits.currency_code = factors.currency_code
    where periods.period_grain <> 'day'

),

preferred as (

    select
        candidates.*,
        min(candidates.preference) over (
            partition by
                candidates.period_grain, candidates.period_start, candidates.record_id,
                candidates.record_type
        ) as best_preference
    from candidates
    where candidates.recency = 1

)

select
    preferred.period_grain,
    preferred.period_start,
    preferred.as_of_date,
    preferred.record_id,
    preferred.entity_code,
    preferred.customer_code,
    preferred.risk_class,
    preferred.record_type,
    preferred.record_key,
    preferred.currency_code,
    preferred.amount,
    preferred.factor,
    preferred.quota_rate

from preferred
where preferred.preference = preferred.best_preference
