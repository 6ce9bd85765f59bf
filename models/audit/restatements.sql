-- Every KPI of a closed period whose value would now differ, with what caused it. The figures are
-- compared once all tables stand; until then there are none.
-- Grain: one row per closing, KPI, cell and cause.
with

restatements as (

    select * from {{ source('run', 'restatements') }}

)

select
    restatements.close_id,
    restatements.mart,
    restatements.kpi_code,
    restatements.period_grain,
    restatements.period_start,
    restatements.entity_code,
    restatements.segment_type,
    restatements.segment_code,
    restatements.companion_key,
    restatements.as_reported_value,
    restatements.as_known_now_value,
    restatements.difference,
    restatements.cause_number,
    restatements.cause_count,
    restatements.cause,
    restatements.feed,
    restatements.record_key,
    restatements.source_name,
    restatements.source_file,
    restatements.source_row,
    restatements.description

from restatements
