{#- Part received of what was invoiced; definition in docs block kpi_cohort_recovery_rate. -#}
{% macro cohort_recovery_rate(collected, invoiced) -%}
    {{ safe_divide(collected, invoiced) }}
{%- endmacro %}
