-- The slices that KPIs are published for, each from its first movement on.
-- Grain: one row per entity (and the group), segment type and segment code.
with

run as (

    select * from {{ ref('int_run') }}

),

first_movements as (

    select
        movements.dimension_set_id,
        min(movements.movement_date) as first_movement_date
    from {{ ref('int_receivable_movements') }} as movements
    group by movements.dimension_set_id

)

select
    slices.slice_id,
    slices.entity_code,
    slices.segment_type,
    slices.segment_code,
    min(first_movements.first_movement_date) as first_movement_date

from {{ ref('int_dimension_set_slices') }} as slices
inner join first_movements on slices.dimension_set_id = first_movements.dimension_set_id
cross join run
where first_movements.first_movement_date <= run.as_of_date
group by slices.slice_id, slices.entity_code, slices.segment_type, slices.segment_code
