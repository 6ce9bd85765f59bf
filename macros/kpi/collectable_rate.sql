{#- Part collected of what could be; definition in docs block kpi_collectable_rate. -#}
{% macro collectable_rate(still_open, collectable) -%}
    1 - {{ safe_divide(still_open, collectable) }}
{%- endmacro %}
