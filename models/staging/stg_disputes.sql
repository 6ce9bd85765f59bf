-- Disputes on invoices, with the days they opened and closed.
-- Grain: one row per entity and dispute.
with

disputes as (

    {{ current_rows('disputes') }}

)

select
    disputes.*,
    {{ document_key('disputes.entity_code', 'disputes.invoice_number') }} as item_key

from disputes
