-- The customer record that holds for each entity: its own where there is one, else the common one.
-- Grain: one row per entity and customer code seen in documents or in the master data.
{%- set keys = ['entity_code', 'customer_code'] %}
with

customers as (

    select * from {{ ref('stg_customers') }}

),

used as (

    select
        documents.entity_code,
        documents.customer_code
    from {{ ref('int_documents') }} as documents

    union

    select
        customers.entity_code,
        customers.customer_code
    from customers
    where customers.entity_code is not null and not coalesce(customers.is_common, false)

),

resolved as (

    select
        used.entity_code,
        used.customer_code,
        {% for column in feed_columns('customers') if column not in keys %}
        case
            when own.customer_code is not null then own.{{ column }} else common.{{ column }}
        end as {{ column }},
        {% endfor %}
        own.customer_code is not null or common.customer_code is not null as has_record

    from used
    left join customers as own
        on used.entity_code = own.entity_code and used.customer_code = own.customer_code
    left join customers as common
        on used.customer_code = common.customer_code and common.entity_code is null

)

select * from resolved
