-- Promises to pay an invoice.
-- Grain: one row per entity and promise.
with

promises as (

    {{ current_rows('promises') }}

)

select
    promises.*,
    {{ document_key('promises.entity_code', 'promises.invoice_number') }} as item_key

from promises
