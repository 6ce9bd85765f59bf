-- The customer of each combination of entity, customer and segments that items carry, with the row
-- of the master data that describes it there and the benchmark of its industry: of the codes that
-- the industry starts with, the longest.
-- Grain: one row per dimension set.
with

sets as (

    select * from {{ ref('int_dimension_sets') }}

),

customers as (

    select * from {{ ref('int_customers') }}

),

master_rows as (

    select * from {{ ref('stg_customers') }}

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
    customers.terms_signed_on,
    cast(benchmarks.days_to_pay as double) as sector_days_to_pay,
    case
        when own_rows.customer_code is not null then {{ record_key('customers', 'own_rows') }}
        when common_rows.customer_code is not null
            then {{ record_key('customers', 'common_rows') }}
    end as customer_record_key,
    coalesce(customers.is_doubtful, false) or coalesce(customers.is_insolvent, false)
        as is_doubtful,
    coalesce(customers.is_insolvent, false) as is_insolvent

from sets
inner join customers
    on sets.entity_code = customers.entity_code and sets.customer_code = customers.customer_code
left join benchmarks
    on sets.dimension_set_id = benchmarks.dimension_set_id and benchmarks.preference = 1
left join master_rows as own_rows
    on sets.entity_code = own_rows.entity_code and sets.customer_code = own_rows.customer_code
left join master_rows as common_rows
    on sets.customer_code = common_rows.customer_code and common_rows.entity_code is null
