-- Every KPI of a closed period as it was reported, and as it is known now. The figures are compared
-- once all tables stand; until then there are none.
-- Grain: one row per closing, KPI and cell of its table.
with

reported as (

    select * from {{ source('run', 'kpi_reported') }}

)

select
    reported.close_id,
    reported.mart,
    reported.kpi_code,
    reported.period_grain,
    reported.period_start,
    reported.entity_code,
    reported.segment_type,
    reported.segment_code,
    reported.companion_key,
    reported.as_reported_value,
    reported.as_known_now_value,
    reported.difference,
    reported.is_restated

from reported
