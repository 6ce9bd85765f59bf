-- The record of each customer of the ledger through time, by which customers that count as a whole
-- are sliced: in an entity the one that holds there, in the group the common one of the day, else
-- that of its first entity.
-- Grain: one row per entity (and the group), customer with a document and interval; `valid_to` is
-- excluded.
{%- set attributes = {
    'customer_segment': 'customer_segment',
    'business_unit': 'business_unit',
    'region': 'region',
    'customer_type': 'customer_type',
    'industry': 'industry_code',
    'salesperson': 'salesperson_code',
    'collector': 'collector_code',
    'risk_class': 'risk_class',
} %}
with

run as (

    select * from {{ ref('int_run') }}

),

customers as (

    select * from {{ ref('int_customer_history') }}

),

common_customers as (

    select customers.* from {{ ref('stg_customers') }} as customers
    where customers.entity_code is null

),

entity_customers as (

    select
        items.entity_code,
        items.customer_code,
        min(items.booking_date) as first_booking_date
    from {{ ref('int_receivable_items') }} as items
    cross join run
    where items.booking_date <= run.as_of_date
    group by items.entity_code, items.customer_code

),

group_customers as (

    select
        entity_customers.customer_code,
        min(entity_customers.entity_code) as first_entity_code,
        min(entity_customers.first_booking_date) as first_booking_date
    from entity_customers
    group by entity_customers.customer_code

),

group_starts as (

    select
        group_customers.customer_code,
        customers.valid_from as starts_on
    from group_customers
    inner join customers
        on
            group_customers.first_entity_code = customers.entity_code
            and group_customers.customer_code = customers.customer_code

    union

    select
        group_customers.customer_code,
        common_customers.holds_from as starts_on
    from group_customers
    inner join common_customers on group_customers.customer_code = common_customers.customer_code

),

group_intervals as (

    select
        group_starts.customer_code,
        group_starts.starts_on as valid_from,
        coalesce(
            lead(group_starts.starts_on) over (
                partition by group_starts.customer_code order by group_starts.starts_on
            ),
            date '9999-12-31'
        ) as valid_to
    from group_starts

),

records as (

    select
        entity_customers.entity_code,
        entity_customers.customer_code,
        customers.valid_from,
        customers.valid_to,
        entity_customers.first_booking_date,
        {% for attribute, column in attributes.items() %}
        customers.{{ column }}{{ ' as ' ~ attribute if attribute != column }},
        {% endfor %}
        customers.is_insurable
    from entity_customers
    inner join customers
        on
            entity_customers.entity_code = customers.entity_code
            and entity_customers.customer_code = customers.customer_code

    union all

    select
        'ALL' as entity_code,
        group_customers.customer_code,
        group_intervals.valid_from,
        group_intervals.valid_to,
        group_customers.first_booking_date,
        {% for attribute, column in attributes.items() %}
        case
            when common_customers.customer_code is not null then common_customers.{{ column }}
            else customers.{{ column }}
        end as {{ attribute }},
        {% endfor %}
        case
            when common_customers.customer_code is not null then common_customers.is_insurable
            else customers.is_insurable
        end as is_insurable
    from group_customers
    inner join group_intervals on group_customers.customer_code = group_intervals.customer_code
    inner join customers
        on
            group_customers.first_entity_code = customers.entity_code
            and group_customers.customer_code = customers.customer_code
            and group_intervals.valid_from >= customers.valid_from
            and group_intervals.valid_from < customers.valid_to
    left join common_customers
        on
            group_customers.customer_code = common_customers.customer_code
            and group_intervals.valid_from >= common_customers.holds_from
            and group_intervals.valid_from < common_customers.holds_to

)

select
    row_number() over (
        order by records.entity_code, records.customer_code, records.valid_from
    ) as record_id,
    records.entity_code,
    records.customer_code,
    records.valid_from,
    records.valid_to,
    {% for attribute in attributes %}
    coalesce(records.{{ attribute }}, '(none)') as {{ attribute }},
    {% endfor %}
    records.customer_code as customer,
    coalesce(records.is_insurable, true) as is_insurable,
    records.first_booking_date

from records
-- What ends before the first document never counts.
where records.valid_to > records.first_booking_date
