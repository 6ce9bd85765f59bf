{#- Receipts in time over receivables; definition in docs block kpi_on_time_receipts_ratio. -#}
{% macro on_time_receipts_ratio(allocated_on_time, receivables) -%}
    {{ safe_divide(allocated_on_time, receivables) }}
{%- endmacro %}
