-- Invoices or parts of them given up as lost.
-- Grain: one row per entity and write-off.
with

write_offs as (

    {{ current_rows('write_offs') }}

)

select
    write_offs.*,
    {{ document_key('write_offs.entity_code', 'write_offs.invoice_number') }} as item_key

from write_offs
