-- Customers with the attributes that hold for each entity at the as-of date.
-- Grain: one row per entity and customer code.
with

customers as (

    select * from {{ ref('int_customers') }}

)

select
    customers.entity_code,
    customers.customer_code,
    {{ customer_columns('customers') }}

from customers
