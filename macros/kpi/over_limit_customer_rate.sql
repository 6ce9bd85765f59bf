{#- Part of the customers that owe more than their limit; definition in docs block
    kpi_over_limit_customer_rate. -#}
{% macro over_limit_customer_rate(over_limit_customers, customers) -%}
    {{ safe_divide(over_limit_customers, customers) }}
{%- endmacro %}
