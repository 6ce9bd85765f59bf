{#- Overdue invoices on which something was received; definition in docs block
    kpi_activation_rate. -#}
{% macro activation_rate(activated_count, overdue_count) -%}
    {{ safe_divide(activated_count, overdue_count) }}
{%- endmacro %}
