-- Customers as the master data describes them.
-- Grain: one row per customer and entity; an empty entity is valid for all.
with

customers as (

    {{ current_rows('customers') }}

)

select * from customers
