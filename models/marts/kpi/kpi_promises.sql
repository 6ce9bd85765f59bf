-- What became of promises to pay, judged with what is known at the as-of date of the run.
-- Grain: one row per period (month, quarter, year), entity and segment.
with

parts as (

    select parts.* from {{ ref('int_period_parts') }} as parts
    where parts.period_grain <> 'day'

),

measured as (

    select
        parts.*,
        {%- for event in ['active', 'kept', 'broken'] %}
        coalesce(promises.{{ event }}_count, 0) as {{ event }}_count,
        {{ money('coalesce(promises.' ~ event ~ '_amount, 0)') }} as {{ event }}_amount,
        {%- endfor %}
        coalesce(promises.broken_settled_count, 0) as broken_settled_count,
        coalesce(promises.broken_delay_days_count, 0) as broken_delay_days_count
    from parts
    left join {{ ref('int_period_promises') }} as promises
        on
            parts.period_grain = promises.period_grain
            and parts.period_start = promises.period_start
            and parts.slice_id = promises.slice_id

)

select
    {{ slice_columns('measured') }},
    measured.active_count,
    measured.active_amount,
    measured.kept_count,
    measured.kept_amount,
    measured.broken_count,
    measured.broken_amount,
    measured.broken_settled_count,
    measured.broken_delay_days_count,
    {{ kept_rate('measured.kept_count', 'measured.broken_count') }} as kept_rate,
    {{ kept_rate('measured.kept_amount', 'measured.broken_amount') }} as kept_amount_rate,
    {{ avg_broken_delay_days(
        'measured.broken_delay_days_count', 'measured.broken_settled_count'
    ) }} as avg_broken_delay_days

from measured
