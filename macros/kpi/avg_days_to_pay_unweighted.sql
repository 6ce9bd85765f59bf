{#- Days from issue to the last receipt, by invoice; definition in docs block
    kpi_avg_days_to_pay_unweighted. -#}
{% macro avg_days_to_pay_unweighted(settled_days, settled_count) -%}
    {{ safe_divide(settled_days, settled_count) }}
{%- endmacro %}
