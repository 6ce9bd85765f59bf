-- Which slices each dimension set adds to: its entity and the group, by every segment type in use.
-- Grain: one row per dimension set and slice.
with

dimension_sets as (

    select * from {{ ref('int_dimension_sets') }}

),

segments as (

    select
        dimension_sets.dimension_set_id,
        dimension_sets.entity_code,
        'all' as segment_type,
        'ALL' as segment_code
    from dimension_sets
    {% for segment_type in var('segment_types') %}
    union all

    select
        dimension_sets.dimension_set_id,
        dimension_sets.entity_code,
        '{{ segment_type }}' as segment_type,
        dimension_sets.{{ segment_type }} as segment_code
    from dimension_sets
    {% endfor %}
),

entities as (

    select
        segments.dimension_set_id,
        segments.entity_code,
        segments.segment_type,
        segments.segment_code
    from segments

    union all

    select
        segments.dimension_set_id,
        'ALL' as entity_code,
        segments.segment_type,
        segments.segment_code
    from segments

)

select
    entities.dimension_set_id,
    dense_rank() over (
        order by entities.entity_code, entities.segment_type, entities.segment_code
    ) as slice_id,
    entities.entity_code,
    entities.segment_type,
    entities.segment_code

from entities
