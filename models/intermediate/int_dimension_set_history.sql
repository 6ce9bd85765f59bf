-- The attributes that KPIs are sliced by through time, for each combination of entity, customer,
-- business unit and salesperson that documents carry; provisions carry neither of the two. Equal
-- attributes of a combination have one number, also where they come back.
-- Grain: one row per combination and interval in which its attributes are the same; `valid_to` is
-- excluded.
{%- set combination = [
    'entity_code', 'customer_code', 'own_business_unit', 'own_salesperson_code'
] %}
{%- set attributes = [
    'customer_segment', 'business_unit', 'region', 'customer_type', 'industry', 'salesperson',
    'collector',
] %}
with

documents as (

    select * from {{ ref('int_documents') }}

),

combinations as (

    select
        documents.entity_code,
        documents.customer_code,
        documents.own_business_unit,
        documents.own_salesperson_code
    from documents

    union

    select
        documents.entity_code,
        documents.customer_code,
        '' as own_business_unit,
        '' as own_salesperson_code
    from documents
    inner join {{ ref('stg_provisions') }} as provisions
        on
            documents.entity_code = provisions.entity_code
            and documents.customer_code = provisions.customer_code

),

described as (

    select
        combinations.entity_code,
        combinations.customer_code,
        combinations.own_business_unit,
        combinations.own_salesperson_code,
        customers.valid_from,
        coalesce(customers.customer_segment, '(none)') as customer_segment,
        coalesce(nullif(combinations.own_business_unit, ''), customers.business_unit, '(none)')
            as business_unit,
        coalesce(customers.region, '(none)') as region,
        coalesce(customers.customer_type, '(none)') as customer_type,
        coalesce(customers.industry_code, '(none)') as industry,
        coalesce(
            nullif(combinations.own_salesperson_code, ''), customers.salesperson_code, '(none)'
        ) as salesperson,
        coalesce(customers.collector_code, '(none)') as collector
    from combinations
    inner join {{ ref('int_customer_history') }} as customers
        on
            combinations.entity_code = customers.entity_code
            and combinations.customer_code = customers.customer_code

),

numbered as (

    select
        described.*,
        dense_rank() over (
            order by described.{{ (combination + attributes) | join(', described.') }}
        ) as dimension_set_id
    from described

),

compared as (

    select
        numbered.*,
        lag(numbered.dimension_set_id) over (
            partition by numbered.{{ combination | join(', numbered.') }}
            order by numbered.valid_from
        ) as previous_dimension_set_id
    from numbered

),

changes as (

    select compared.* from compared
    where
        compared.previous_dimension_set_id is null
        or compared.dimension_set_id <> compared.previous_dimension_set_id

)

select
    changes.dimension_set_id,
    changes.{{ (combination + attributes) | join(',\n    changes.') }},
    changes.valid_from,
    coalesce(
        lead(changes.valid_from) over (
            partition by changes.{{ combination | join(', changes.') }}
            order by changes.valid_from
        ),
        date '9999-12-31'
    ) as valid_to

from changes
