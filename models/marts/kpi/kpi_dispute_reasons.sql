-- Why customers dispute or do not pay.
-- Grain: one row per period (month, quarter, year), entity, segment, kind and reason with a case.
with

parts as (

    select parts.* from {{ ref('int_period_parts') }} as parts
    where parts.period_grain <> 'day'

)

select
    {{ slice_columns('parts') }},
    reasons.reason_kind,
    reasons.reason_code,
    reasons.opened_count,
    reasons.opened_amount,
    reasons.closed_count,
    reasons.closed_amount,
    reasons.open_count,
    reasons.open_amount

from parts
inner join {{ ref('int_period_disputes') }} as reasons
    on
        parts.period_grain = reasons.period_grain
        and parts.period_start = reasons.period_start
        and parts.slice_id = reasons.slice_id
where reasons.opened_count > 0 or reasons.closed_count > 0 or reasons.open_count > 0
