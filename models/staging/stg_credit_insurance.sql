-- Cover given by a credit insurer.
-- Grain: one row per customer, entity (empty: common to all) and first day of validity.
with

credit_insurance as (

    {{ current_rows('credit_insurance') }}

)

select * from credit_insurance
