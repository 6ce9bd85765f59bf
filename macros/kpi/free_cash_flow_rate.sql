{#- Free cash flow over revenue; definition in docs block kpi_free_cash_flow_rate. -#}
{% macro free_cash_flow_rate(free_cash_flow, revenue) -%}
    {{ safe_divide(free_cash_flow, revenue) }}
{%- endmacro %}
