-- Provisions for customers, each until the next one.
-- Grain: one row per entity, customer and day; `valid_to` is excluded.
with

provisions as (

    select * from {{ ref('stg_provisions') }}

)

select
    {{ record_key('provisions', 'provisions') }} as record_key,
    provisions.entity_code,
    provisions.customer_code,
    provisions.provision_date as valid_from,
    coalesce(
        lead(provisions.provision_date) over (
            partition by provisions.entity_code, provisions.customer_code
            order by provisions.provision_date
        ),
        date '9999-12-31'
    ) as valid_to,
    provisions.provision_amount

from provisions
