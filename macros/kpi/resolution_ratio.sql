{#- Mean months of 30 days that a dispute took; definition in docs block kpi_resolution_ratio. -#}
{% macro resolution_ratio(resolution_days, closed) -%}
    ({{ avg_resolution_days(resolution_days, closed) }}) / 30
{%- endmacro %}
