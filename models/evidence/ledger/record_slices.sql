-- Which slices each customer record counts in, by number.
-- Grain: one row per customer record and slice.
with

slices as (

    select * from {{ ref('int_record_slices') }}

)

select
    cast(slices.record_id as bigint) as record_id,
    cast(slices.slice_id as bigint) as slice_id

from slices
