{#- Best possible days sales outstanding; definition in docs block kpi_bpdso_days. -#}
{% macro bpdso_days(not_due, revenue, days) -%}
    {{ safe_divide(not_due, revenue) }} * {{ days }}
{%- endmacro %}
