-- Customers with the attributes that held for each entity through time; any day reads
-- `where valid_from <= day and day < valid_to`.
-- Grain: one row per entity, customer code and interval in which its attributes are the same.
with

customers as (

    select * from {{ ref('int_customer_history') }}

)

select
    customers.entity_code,
    customers.customer_code,
    -- Tools that read dates know none before 1900.
    greatest(customers.valid_from, date '1900-01-01') as valid_from,
    customers.valid_to,
    {{ customer_columns('customers') }}

from customers
