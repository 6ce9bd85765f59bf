-- The customer of each combination of entity, customer and segments that items carry, through time,
-- with the row of the master data that describes it there and the benchmark of its industry: of the
-- codes that the industry starts with, the longest.
-- Grain: one row per dimension set and interval; `valid_to` is excluded.
with

sets as (

    select * from {{ ref('int_dimension_sets') }}

),

customers as (

    select * from {{ ref('int_customer_history') }}

),

-- Of the rows that hold in an interval the customer's own one, else that of the system whose
-- documents the entity has, else the common one.
master_rows as (

    select
        customers.entity_code,
        customers.customer_code,
        customers.valid_from,
        {{ record_key('customers', 'master') }} as record_key,
        row_number() over (
            partition by customers.entity_code, customers.customer_code, customers.valid_from
            order by
                case when master.entity_code is null then 1 else 0 end asc, master.is_common asc,
                master.holds_from desc
        ) as preference
    from customers
    inner join {{ ref('stg_customers') }} as master
        on
            customers.customer_code = master.customer_code
            and customers.entity_code = coalesce(master.entity_code, customers.entity_code)
            and customers.valid_to > master.holds_from
            and customers.valid_from < master.holds_to

),

benchmarks as (

    select
        sets.dimension_set_id,
        sectors.days_to_pay,
        row_number() over (
            partition by sets.dimension_set_id order by length(sectors.industry_code) desc
        ) as preference
    from sets
    inner join {{ ref('sector_benchmarks') }} as sectors
        on sets.industry like sectors.industry_code || '%'

)

select
    cast(sets.dimension_set_id as bigint) as dimension_set_id,
    sets.entity_code,
    sets.customer_code,
    customers.valid_from,
    customers.valid_to,
    customers.terms_signed_on,
    cast(benchmarks.days_to_pay as double) as sector_days_to_pay,
    master_rows.record_key as customer_record_key,
    coalesce(customers.is_doubtful, false) or coalesce(customers.is_insolvent, false)
        as is_doubtful,
    coalesce(customers.is_insolvent, false) as is_insolvent

from sets
inner join customers
    on sets.entity_code = customers.entity_code and sets.customer_code = customers.customer_code
left join benchmarks
    on sets.dimension_set_id = benchmarks.dimension_set_id and benchmarks.preference = 1
left join master_rows
    on
        customers.entity_code = master_rows.entity_code
        and customers.customer_code = master_rows.customer_code
        and customers.valid_from = master_rows.valid_from
        and master_rows.preference = 1
