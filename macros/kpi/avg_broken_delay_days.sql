{#- Mean days from the promised date to payment after all; definition in docs block
    kpi_avg_broken_delay_days. -#}
{% macro avg_broken_delay_days(delay_days, settled) -%}
    {{ safe_divide(delay_days, settled) }}
{%- endmacro %}
