{#- Part of the receipts that came late; definition in docs block kpi_late_payment_rate. -#}
{% macro late_payment_rate(collected_late, allocated_dated) -%}
    {{ safe_divide(collected_late, allocated_dated) }}
{%- endmacro %}
