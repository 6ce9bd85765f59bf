-- The customer record that holds for each entity through time: on each day its own where there is
-- one, else that of the system whose documents the entity has, else the common one. The first one
-- known holds from the beginning.
-- Grain: one row per entity, customer code seen in documents or in the master data, and interval in
-- which its record is the same; `valid_to` is excluded.
{%- set keys = ['entity_code', 'customer_code', 'valid_from'] %}
{%- set attributes = feed_columns('customers').keys() | reject('in', keys) | list %}
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
    where customers.entity_code is not null and not customers.is_common

),

starts as (

    select distinct
        used.entity_code,
        used.customer_code,
        coalesce(customers.holds_from, {{ first_day() }}) as starts_on
    from used
    left join customers
        on
            used.customer_code = customers.customer_code
            and used.entity_code = coalesce(customers.entity_code, used.entity_code)

),

resolved as (

    select
        starts.entity_code,
        starts.customer_code,
        starts.starts_on,
        {% for attribute in attributes %}
        case
            when own.customer_code is not null then own.{{ attribute }}
            when supplied.customer_code is not null then supplied.{{ attribute }}
            else common.{{ attribute }}
        end as {{ attribute }},
        {% endfor %}
        coalesce(own.customer_code, supplied.customer_code, common.customer_code) is not null
            as has_record
    from starts
    {% for record, condition in [
        ('own', 'starts.entity_code = own.entity_code and not own.is_common'),
        ('supplied', 'starts.entity_code = supplied.entity_code and supplied.is_common'),
        ('common', 'common.entity_code is null'),
    ] %}
    left join customers as {{ record }}
        on
            starts.customer_code = {{ record }}.customer_code
            and {{ condition }}
            and starts.starts_on >= {{ record }}.holds_from
            and starts.starts_on < {{ record }}.holds_to
    {% endfor %}
),

described as (

    select
        resolved.*,
        {% for attribute in attributes %}
        {%- set text = 'cast(resolved.' ~ attribute ~ ' as varchar)' %}
        {{ '|| ' if not loop.first }}coalesce(length({{ text }}) || ':' || {{ text }}, '|')
        {%- endfor %} as record_text
    from resolved

),

compared as (

    select
        described.*,
        lag(described.record_text) over (
            partition by described.entity_code, described.customer_code
            order by described.starts_on
        ) as previous_record_text
    from described

),

changes as (

    select compared.* from compared
    where
        compared.previous_record_text is null
        or compared.record_text <> compared.previous_record_text

)

select
    changes.entity_code,
    changes.customer_code,
    case when changes.previous_record_text is null then {{ first_day() }} else changes.starts_on end
        as valid_from,
    coalesce(
        lead(changes.starts_on) over (
            partition by changes.entity_code, changes.customer_code order by changes.starts_on
        ),
        date '9999-12-31'
    ) as valid_to,
    {% for attribute in attributes %}
    changes.{{ attribute }},
    {% endfor %}
    changes.has_record

from changes
