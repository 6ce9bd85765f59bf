-- Reminders planned and sent for invoices.
-- Grain: one row per entity and reminder.
with

reminders as (

    {{ current_rows('reminders') }}

)

select
    reminders.*,
    {{ document_key('reminders.entity_code', 'reminders.invoice_number') }} as item_key

from reminders
