-- Credit limits granted to customers.
-- Grain: one row per customer, entity (empty: common to all) and first day of validity.
with

credit_limits as (

    {{ rows_by_entity('credit_limits') }}

)

select * from credit_limits
