{#- Part of what reached its third day overdue that was chased by then; definition in docs block
    kpi_chased_within_3_days_rate. -#}
{% macro chased_within_3_days_rate(third_day_chased, third_day_open) -%}
    {{ safe_divide(third_day_chased, third_day_open) }}
{%- endmacro %}
