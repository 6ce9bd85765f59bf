{#- Part of the reminders that a receipt followed; definition in docs block
    kpi_reminder_success_rate. -#}
{% macro reminder_success_rate(successful, matured) -%}
    {{ safe_divide(successful, matured) }}
{%- endmacro %}
