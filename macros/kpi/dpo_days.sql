{#- Days payables outstanding, over purchases or over cost of goods sold; definition in docs blocks
    kpi_dpo_days and kpi_dpo_cogs_days. -#}
{% macro dpo_days(payables, purchases, days) -%}
    {{ safe_divide(payables, purchases) }} * {{ days }}
{%- endmacro %}
