-- Which slices each segment set adds to, single customers left out. A slice of the group is added
-- up from those of its entities, so that no change is counted into both one by one.
-- Grain: one row per segment set and slice of an entity.
with

slices as (

    select * from {{ ref('int_dimension_set_slices') }}

),

entity_slices as (

    select distinct
        dimension_sets.segment_set_id,
        slices.slice_id,
        slices.segment_type,
        slices.segment_code
    from slices
    inner join {{ ref('int_dimension_sets') }} as dimension_sets
        on slices.dimension_set_id = dimension_sets.dimension_set_id
    where slices.segment_type <> 'customer' and slices.entity_code <> 'ALL'

),

group_slices as (

    select distinct
        slices.slice_id,
        slices.segment_type,
        slices.segment_code
    from slices
    where slices.segment_type <> 'customer' and slices.entity_code = 'ALL'

)

select
    entity_slices.segment_set_id,
    entity_slices.segment_type,
    entity_slices.slice_id,
    group_slices.slice_id as group_slice_id

from entity_slices
inner join group_slices
    on
        entity_slices.segment_type = group_slices.segment_type
        and entity_slices.segment_code = group_slices.segment_code
