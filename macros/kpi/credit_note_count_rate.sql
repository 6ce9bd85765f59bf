{#- Credit notes over invoices, by number; definition in docs block kpi_credit_note_count_rate. -#}
{% macro credit_note_count_rate(credit_note_count, invoice_count) -%}
    {{ safe_divide(credit_note_count, invoice_count) }}
{%- endmacro %}
