{#- Part of the open invoices overdue by more than N days; definition in docs block
    kpi_over_days_rate. -#}
{% macro over_days_rate(over_days, open_invoices) -%}
    {{ safe_divide(over_days, open_invoices) }}
{%- endmacro %}
