{#- Days from issue to receipt, weighted by amount; definition in docs block
    kpi_avg_days_to_pay. -#}
{% macro avg_days_to_pay(days_to_pay_weight, allocated) -%}
    {{ safe_divide(days_to_pay_weight, allocated) }}
{%- endmacro %}
