{#- Doubtful receivables over the revenue of the period; definition in docs block
    kpi_doubtful_to_revenue. -#}
{% macro doubtful_to_revenue(doubtful, revenue) -%}
    {{ safe_divide(doubtful, revenue) }}
{%- endmacro %}
