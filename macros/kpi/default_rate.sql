{#- Part of the customers that are in default; definition in docs block kpi_default_rate. -#}
{% macro default_rate(default_customers, customers) -%}
    {{ safe_divide(default_customers, customers) }}
{%- endmacro %}
