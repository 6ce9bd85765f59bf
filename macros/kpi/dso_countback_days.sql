{#- Days sales outstanding by exhaustion, from the month in which the receivables run out;
    definition in docs block kpi_dso_countback_days. -#}
{% macro dso_countback_days(days_after, remainder, revenue, days) -%}
    {{ days_after }} + {{ safe_divide(remainder, revenue) }} * {{ days }}
{%- endmacro %}
