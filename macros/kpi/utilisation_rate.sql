{#- Used part of the credit limits; definition in docs block kpi_utilisation_rate. -#}
{% macro utilisation_rate(limited_receivables, limit) -%}
    {{ safe_divide(limited_receivables, limit) }}
{%- endmacro %}
