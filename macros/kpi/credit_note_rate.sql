{#- Credit notes over invoices, by amount; definition in docs block kpi_credit_note_rate. -#}
{% macro credit_note_rate(credit_notes, invoiced) -%}
    {{ safe_divide(credit_notes, invoiced) }}
{%- endmacro %}
