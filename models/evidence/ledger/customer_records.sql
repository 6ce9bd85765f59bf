-- The record of each customer of the ledger through time, by which customers that count as a whole
-- are sliced.
-- Grain: one row per entity (and the group), customer and interval; `valid_to` is excluded.
with

records as (

    select * from {{ ref('int_customer_records') }}

),

risk_classes as (

    select * from {{ ref('risk_classes') }}

)

select
    cast(records.record_id as bigint) as record_id,
    records.entity_code,
    records.customer_code,
    records.risk_class,
    coalesce(risk_classes.is_high_risk, false) as is_high_risk,
    records.is_insurable,
    records.first_booking_date,
    records.valid_from,
    records.valid_to

from records
left join risk_classes on records.risk_class = risk_classes.risk_class
