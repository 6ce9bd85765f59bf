{#- Receipts over revenue of the period; definition in docs block kpi_recovery_rate. -#}
{% macro recovery_rate(collected, revenue) -%}
    {{ safe_divide(collected, revenue) }}
{%- endmacro %}
