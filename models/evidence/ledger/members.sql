-- What adds to which slice: items by their dimension set, customers as a whole by their record, and
-- what is known of a slice only as the slice itself.
-- Grain: one row per scope, its number and slice.
with

sets as (

    select * from {{ ref('int_dimension_set_slices') }}

),

records as (

    select * from {{ ref('int_record_slices') }}

),

slices as (

    select * from {{ ref('int_slices') }}

)

select
    'item' as scope,
    cast(sets.dimension_set_id as bigint) as scope_id,
    sets.entity_code,
    sets.segment_type,
    sets.segment_code
from sets

union all

select
    'record' as scope,
    cast(records.record_id as bigint) as scope_id,
    records.entity_code,
    records.segment_type,
    records.segment_code
from records

union all

select
    'slice' as scope,
    cast(slices.slice_id as bigint) as scope_id,
    slices.entity_code,
    slices.segment_type,
    slices.segment_code
from slices
