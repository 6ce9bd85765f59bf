{#- Average days delinquent, DSO less best possible DSO; definition in docs block kpi_add_days. -#}
{% macro add_days_delinquent(receivables, not_due, revenue, days) -%}
    {{ safe_divide('(' ~ receivables ~ ' - ' ~ not_due ~ ')', revenue) }} * {{ days }}
{%- endmacro %}
