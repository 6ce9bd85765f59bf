{#- Part of EBITDA that became cash; definition in docs block kpi_cash_margin_rate. -#}
{% macro cash_margin_rate(cash_flow, ebitda) -%}
    {{ safe_divide(cash_flow, ebitda) }}
{%- endmacro %}
