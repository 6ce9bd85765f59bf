-- The limit and the cover of each customer as a whole at the end of each period, in the reporting
-- currency, with the part that the insurer pays.
-- Grain: one row per period (month, quarter, year), customer record and kind (limit or cover).
select
    limits.period_grain,
    limits.period_start,
    limits.record_id,
    limits.feed,
    {{ money('sum(' ~ convert('limits.amount', 'limits.factor') ~ ')') }} as amount,
    case
        when min(limits.quota_rate) = max(limits.quota_rate) then max(limits.quota_rate)
        else
            cast(coalesce({{ safe_divide(
                'sum(limits.amount * limits.factor * limits.quota_rate)',
                'sum(limits.amount * limits.factor)'
            ) }}, 0) as decimal(18, 12))
    end as quota_rate

from {{ ref('customer_limits') }} as limits
group by
    limits.period_grain, limits.period_start, limits.record_id, limits.feed
