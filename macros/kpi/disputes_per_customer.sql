{#- Disputes opened by active customer; definition in docs block kpi_disputes_per_customer. -#}
{% macro disputes_per_customer(opened, active_customers) -%}
    {{ safe_divide(opened, active_customers) }}
{%- endmacro %}
