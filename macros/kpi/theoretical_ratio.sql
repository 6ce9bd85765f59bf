{#- Real over theoretical receivables; definition in docs block kpi_theoretical_ratio. -#}
{% macro theoretical_ratio(receivables, theoretical_receivables) -%}
    {{ safe_divide(receivables, theoretical_receivables) }}
{%- endmacro %}
