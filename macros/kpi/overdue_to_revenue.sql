{#- Overdue receivables over the revenue of the period; definition in docs block
    kpi_overdue_to_revenue. -#}
{% macro overdue_to_revenue(overdue, revenue) -%}
    {{ safe_divide(overdue, revenue) }}
{%- endmacro %}
