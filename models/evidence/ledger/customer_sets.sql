-- The customer of each combination of entity, customer and segments that items carry.
-- Grain: one row per combination.
with

dimension_sets as (

    select * from {{ ref('int_dimension_sets') }}

),

customers as (

    select * from {{ ref('int_customers') }}

)

select
    cast(dimension_sets.dimension_set_id as bigint) as dimension_set_id,
    dimension_sets.entity_code,
    dimension_sets.customer_code,
    coalesce(customers.is_doubtful, false) or coalesce(customers.is_insolvent, false)
        as is_doubtful,
    coalesce(customers.is_insolvent, false) as is_insolvent

from dimension_sets
inner join customers
    on
        dimension_sets.entity_code = customers.entity_code
        and dimension_sets.customer_code = customers.customer_code
