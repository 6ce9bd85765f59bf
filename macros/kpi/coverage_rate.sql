{#- Insured part of what is owed; definition in docs block kpi_coverage_rate. -#}
{% macro coverage_rate(insured, positive_receivables) -%}
    {{ safe_divide(insured, positive_receivables) }}
{%- endmacro %}
