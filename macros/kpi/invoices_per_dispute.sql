{#- Invoices issued for one dispute opened; definition in docs block kpi_invoices_per_dispute. -#}
{% macro invoices_per_dispute(invoices, opened) -%}
    {{ safe_divide(invoices, opened) }}
{%- endmacro %}
