{#- DSO on the mean of the opening and closing balance; definition in docs block
    kpi_dso_average_days. -#}
{% macro dso_average_days(opening_receivables, receivables, revenue, days) -%}
    {{ safe_divide('(' ~ opening_receivables ~ ' + ' ~ receivables ~ ')', revenue) }} / 2 * {{ days }}
{%- endmacro %}
