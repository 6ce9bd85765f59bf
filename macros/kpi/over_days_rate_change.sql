{#- Change of over_days_rate against the end of the period before; definition in docs block
    kpi_over_days_rate_change. -#}
{% macro over_days_rate_change(over_days, open_invoices, opening_over_days, opening_open_invoices) -%}
    {{ over_days_rate(over_days, open_invoices) }}
    - {{ over_days_rate(opening_over_days, opening_open_invoices) }}
{%- endmacro %}
