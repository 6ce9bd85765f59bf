-- The slices that KPIs are published for, each from the day on which its first item is booked in it
-- or moves into it, or its first provision counts in it.
-- Grain: one row per entity (and the group), segment type and segment code.
with

run as (

    select * from {{ ref('int_run') }}

),

entries as (

    select
        items.dimension_set_id,
        min(items.booking_date) as first_movement_date
    from {{ ref('int_receivable_items') }} as items
    group by items.dimension_set_id

    union all

    select
        item_sets.dimension_set_id,
        min(item_sets.valid_from) as first_movement_date
    from {{ ref('int_item_dimension_sets') }} as item_sets
    group by item_sets.dimension_set_id

    union all

    select
        provisions.dimension_set_id,
        min(provisions.valid_from) as first_movement_date
    from {{ ref('int_provision_intervals') }} as provisions
    group by provisions.dimension_set_id

)

select
    slices.slice_id,
    slices.entity_code,
    slices.segment_type,
    slices.segment_code,
    min(entries.first_movement_date) as first_movement_date

from {{ ref('int_dimension_set_slices') }} as slices
inner join entries on slices.dimension_set_id = entries.dimension_set_id
cross join run
where entries.first_movement_date <= run.as_of_date
group by slices.slice_id, slices.entity_code, slices.segment_type, slices.segment_code
