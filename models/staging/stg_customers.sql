-- Customers as the master data describes them, each row from its day to that of the next one.
-- Grain: one row per customer, entity and day from which its attributes hold; an empty entity is
-- valid for all, an empty day from the beginning. `holds_to` is excluded.
with

customers as (

    {{ current_rows('customers') }}

)

select
    customers.*,
    coalesce(customers.valid_from, {{ first_day() }}) as holds_from,
    coalesce(
        lead(customers.valid_from) over (
            partition by customers.entity_code, customers.customer_code
            order by customers.valid_from nulls first
        ),
        date '9999-12-31'
    ) as holds_to

from customers
