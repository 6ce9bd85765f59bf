-- Cover given by a credit insurer.
-- Grain: one row per customer, entity (empty: common to all) and first day of validity.
with

credit_insurance as (

    {{ rows_by_entity('credit_insurance') }}

)

select * from credit_insurance
