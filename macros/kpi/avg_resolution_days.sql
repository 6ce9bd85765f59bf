{#- Mean days that a dispute took; definition in docs block kpi_avg_resolution_days. -#}
{% macro avg_resolution_days(resolution_days, closed) -%}
    {{ safe_divide(resolution_days, closed) }}
{%- endmacro %}
