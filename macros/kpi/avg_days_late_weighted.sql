{#- Days from due date to receipt, weighted by amount; definition in docs block
    kpi_avg_days_late_weighted. -#}
{% macro avg_days_late_weighted(days_late_weight, allocated_dated) -%}
    {{ safe_divide(days_late_weight, allocated_dated) }}
{%- endmacro %}
