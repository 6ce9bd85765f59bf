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

),

entities as (

    select distinct records.entity_code
    from records

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

union all

-- What counts otherwise in an entity than in the group.
select
    case when sets.entity_code = 'ALL' then 'item_group' else 'item_entity' end as scope,
    cast(sets.dimension_set_id as bigint) as scope_id,
    sets.entity_code,
    sets.segment_type,
    sets.segment_code
from sets

union all

-- Customers of an entity that count in the group by what they are in the entity.
select
    'entity_record' as scope,
    cast(records.record_id as bigint) as scope_id,
    entities.entity_code,
    records.segment_type,
    records.segment_code
from records
inner join entities on entities.entity_code in (records.entity_code, 'ALL')
where records.entity_code <> 'ALL'

union all

select distinct
    'record_slice' as scope,
    cast(records.slice_id as bigint) as scope_id,
    records.entity_code,
    records.segment_type,
    records.segment_code
from records
