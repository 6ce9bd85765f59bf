-- Customers as the master data describes them, each row from its day to that of the next one.
-- Grain: one row per customer, entity, day from which its attributes hold, and whether the row is a
-- common one; an empty entity is valid for all, an empty day from the beginning. `holds_to` is
-- excluded.
with

customers as (

    {{ rows_by_entity('customers', beside_own=true) }}

)

select
    customers.*,
    coalesce(customers.valid_from, {{ first_day() }}) as holds_from,
    coalesce(
        lead(customers.valid_from) over (
            partition by customers.entity_code, customers.is_common, customers.customer_code
            order by customers.valid_from nulls first
        ),
        date '9999-12-31'
    ) as holds_to

from customers
