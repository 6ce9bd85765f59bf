{#- Disputed part of the open invoices; definition in docs block kpi_dispute_rate. -#}
{% macro dispute_rate(disputed, open_invoices) -%}
    {{ safe_divide(disputed, open_invoices) }}
{%- endmacro %}
