-- Which items make up a customer as a whole: those of its entity, and in the group those of all.
-- Grain: one row per customer record and combination that items carry.
with

records as (

    select * from {{ ref('int_customer_records') }}

),

dimension_sets as (

    select * from {{ ref('int_dimension_sets') }}

)

select
    cast(records.record_id as bigint) as record_id,
    cast(dimension_sets.dimension_set_id as bigint) as dimension_set_id

from dimension_sets
inner join records
    on
        dimension_sets.customer_code = records.customer_code
        and (dimension_sets.entity_code = records.entity_code or records.entity_code = 'ALL')
