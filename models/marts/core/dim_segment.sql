-- The segments that KPI marts are sliced by.
-- Grain: one row per segment type and segment code.
with

slices as (

    select * from {{ ref('int_slices') }}

),

customers as (

    select
        customers.customer_code,
        min(customers.customer_name) as customer_name
    from {{ ref('int_customers') }} as customers
    group by customers.customer_code

)

select
    slices.segment_type,
    slices.segment_code,
    case
        when slices.segment_type = 'all' then 'All customers'
        when slices.segment_type = 'customer'
            then coalesce(customers.customer_name, slices.segment_code)
        else slices.segment_code
    end as segment_name,
    slices.first_movement_date

from slices
left join customers
    on slices.segment_type = 'customer' and slices.segment_code = customers.customer_code
where slices.entity_code = 'ALL'
