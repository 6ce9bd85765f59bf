-- Balance of the customer control account in the ledger.
-- Grain: one row per entity and day.
with

control_balances as (

    {{ current_rows('control_balances') }}

)

select * from control_balances
