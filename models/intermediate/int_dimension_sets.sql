-- Each combination of entity, customer, business unit and salesperson that documents carry, with
-- the attributes that KPIs are sliced by. Items refer to it by number, day by day.
-- Grain: one row per combination and attributes that it has or had.
{%- set by_segment = ['history.entity_code'] %}
{%- for segment_type in var('segment_types') if segment_type != 'customer' %}
{%- do by_segment.append('history.' ~ segment_type) %}
{%- endfor %}
with

history as (

    select distinct
        history.dimension_set_id,
        history.entity_code,
        history.customer_code,
        history.own_business_unit,
        history.own_salesperson_code,
        history.customer_segment,
        history.business_unit,
        history.region,
        history.customer_type,
        history.industry,
        history.salesperson,
        history.collector,
        history.customer_code as customer
    from {{ ref('int_dimension_set_history') }} as history

)

select
    history.*,
    -- The same without the customer, for balances that no one asks by customer.
    dense_rank() over (order by {{ by_segment | join(', ') }}) as segment_set_id

from history
