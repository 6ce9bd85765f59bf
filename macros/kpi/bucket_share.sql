{#- Part of the open invoices that stands in a bucket; definition in docs block kpi_share. -#}
{% macro bucket_share(open_amount, open_invoices) -%}
    {{ safe_divide(open_amount, open_invoices) }}
{%- endmacro %}
