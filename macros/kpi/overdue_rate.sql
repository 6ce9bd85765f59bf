{#- Overdue part of the open invoices; definition in docs block kpi_overdue_rate. -#}
{% macro overdue_rate(overdue, open_invoices) -%}
    {{ safe_divide(overdue, open_invoices) }}
{%- endmacro %}
