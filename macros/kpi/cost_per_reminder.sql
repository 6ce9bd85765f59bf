{#- Mean cost of a reminder; definition in docs block kpi_cost_per_reminder. -#}
{% macro cost_per_reminder(cost, done) -%}
    {{ safe_divide(cost, done) }}
{%- endmacro %}
