{#- Part of the open disputes that is old, by count or by amount; definition in docs blocks
    kpi_over_30_days_rate and kpi_over_30_days_amount_rate. -#}
{% macro over_30_days_rate(over_30_days, open_disputes) -%}
    {{ safe_divide(over_30_days, open_disputes) }}
{%- endmacro %}
