{#- Days sales outstanding; definition in docs block kpi_dso_days.
    Takes SQL expressions, so one formula serves every grain. -#}
{% macro dso_days(receivables, revenue, days) -%}
    {{ safe_divide(receivables, revenue) }} * {{ days }}
{%- endmacro %}
