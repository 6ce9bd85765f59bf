{#- Part of the planned reminders that went out; definition in docs block kpi_execution_rate. -#}
{% macro execution_rate(planned_done, planned) -%}
    {{ safe_divide(planned_done, planned) }}
{%- endmacro %}
