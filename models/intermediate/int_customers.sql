-- The customer record that holds for each entity at the as-of date.
-- Grain: one row per entity and customer code seen in documents or in the master data.
with

run as (

    select * from {{ ref('int_run') }}

),

history as (

    select * from {{ ref('int_customer_history') }}

)

select history.*

from history
cross join run
where
    -- Without a document there is no as-of date, and what holds last counts.
    coalesce(run.as_of_date, date '9999-12-30') >= history.valid_from
    and coalesce(run.as_of_date, date '9999-12-30') < history.valid_to
