{#- Part of a bucket's opening balance that receipts paid; definition in docs block
    kpi_bucket_recovery_rate. -#}
{% macro bucket_recovery_rate(collected, opening_amount) -%}
    {{ safe_divide(collected, opening_amount) }}
{%- endmacro %}
