{#- Chased part of what is overdue; definition in docs block kpi_chased_rate. -#}
{% macro chased_rate(chased_overdue, overdue) -%}
    {{ safe_divide(chased_overdue, overdue) }}
{%- endmacro %}
