-- Customers with the attributes that hold for each entity.
-- Grain: one row per entity and customer code.
with

customers as (

    select * from {{ ref('int_customers') }}

)

select
    customers.entity_code,
    customers.customer_code,
    coalesce(customers.customer_name, customers.customer_code) as customer_name,
    coalesce(customers.customer_segment, '(none)') as customer_segment,
    coalesce(customers.business_unit, '(none)') as business_unit,
    coalesce(customers.region, '(none)') as region,
    coalesce(customers.customer_type, '(none)') as customer_type,
    coalesce(customers.industry_code, '(none)') as industry_code,
    coalesce(customers.salesperson_code, '(none)') as salesperson_code,
    coalesce(customers.collector_code, '(none)') as collector_code,
    customers.country_code,
    customers.parent_customer_code,
    customers.registration_number,
    customers.payment_terms,
    customers.risk_score,
    customers.risk_class,
    coalesce(customers.is_doubtful, false) as is_doubtful,
    coalesce(customers.is_insolvent, false) as is_insolvent,
    customers.is_insurable,
    customers.terms_signed_on,
    customers.has_record as has_master_record

from customers
