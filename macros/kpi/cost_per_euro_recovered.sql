{#- What collecting one unit of currency cost; definition in docs block
    kpi_cost_per_euro_recovered. -#}
{% macro cost_per_euro_recovered(cost, recovered) -%}
    {{ safe_divide(cost, recovered) }}
{%- endmacro %}
