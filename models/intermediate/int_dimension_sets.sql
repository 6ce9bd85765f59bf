-- Each combination of entity, customer, business unit and salesperson that documents carry, with
-- the attributes that KPIs are sliced by. Items refer to it by number.
-- Grain: one row per combination.
{%- set by_segment = ['combined.entity_code'] %}
{%- for segment_type in var('segment_types') if segment_type != 'customer' %}
{%- do by_segment.append('combined.' ~ segment_type) %}
{%- endfor %}
with

customers as (

    select * from {{ ref('int_customers') }}

),

combinations as (

    select distinct
        documents.entity_code,
        documents.customer_code,
        documents.own_business_unit,
        documents.own_salesperson_code
    from {{ ref('int_documents') }} as documents

),

combined as (

    select
        row_number() over (
            order by
                combinations.entity_code, combinations.customer_code,
                combinations.own_business_unit, combinations.own_salesperson_code
        ) as dimension_set_id,
        combinations.entity_code,
        combinations.customer_code,
        combinations.own_business_unit,
        combinations.own_salesperson_code,
        coalesce(customers.customer_segment, '(none)') as customer_segment,
        coalesce(nullif(combinations.own_business_unit, ''), customers.business_unit, '(none)')
            as business_unit,
        coalesce(customers.region, '(none)') as region,
        coalesce(customers.customer_type, '(none)') as customer_type,
        coalesce(customers.industry_code, '(none)') as industry,
        coalesce(
            nullif(combinations.own_salesperson_code, ''), customers.salesperson_code, '(none)'
        ) as salesperson,
        coalesce(customers.collector_code, '(none)') as collector,
        combinations.customer_code as customer
    from combinations
    inner join customers
        on
            combinations.entity_code = customers.entity_code
            and combinations.customer_code = customers.customer_code

)

select
    combined.*,
    -- The same without the customer, for balances that no one asks by customer.
    dense_rank() over (order by {{ by_segment | join(', ') }}) as segment_set_id

from combined
