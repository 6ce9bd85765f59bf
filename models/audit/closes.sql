-- Every closing of a period, and its reopening if there was one. Nothing is ever taken out.
-- Grain: one row per closing.
with

closes as (

    select * from {{ source('run', 'closes') }}

)

select
    closes.close_id,
    closes.period,
    closes.period_grain,
    closes.period_start,
    closes.period_end,
    closes.entity_code,
    closes.closed_at,
    closes.closed_by,
    closes.run_id,
    closes.row_count,
    closes.tables_sha256,
    closes.record_sha256,
    closes.reopened_at,
    closes.reopened_by,
    closes.reopen_reason,
    closes.reopened_at is null as is_closed

from closes
