{#- Insured part of the revenue that can be insured; definition in docs block
    kpi_insured_revenue_rate. -#}
{% macro insured_revenue_rate(insured_revenue, insurable_revenue) -%}
    {{ safe_divide(insured_revenue, insurable_revenue) }}
{%- endmacro %}
