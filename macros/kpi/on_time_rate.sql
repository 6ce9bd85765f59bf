{#- Part of what fell due that was received in time; definition in docs block kpi_on_time_rate. -#}
{% macro on_time_rate(on_time, fell_due) -%}
    {{ safe_divide(on_time, fell_due) }}
{%- endmacro %}
