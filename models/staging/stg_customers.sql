-- Customers as the master data describes them.
-- Grain: one row per customer and entity; an empty entity is valid for all.
with

customers as (

    {{ rows_by_entity('customers') }}

)

select * from customers
