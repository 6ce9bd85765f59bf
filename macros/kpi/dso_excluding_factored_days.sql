{#- DSO without the invoices sold to a factor; definition in docs block
    kpi_dso_excluding_factored_days. -#}
{% macro dso_excluding_factored_days(receivables, factored_receivables, revenue, factored_revenue, days) -%}
    {{ dso_days(
        '(' ~ receivables ~ ' - ' ~ factored_receivables ~ ')',
        '(' ~ revenue ~ ' - ' ~ factored_revenue ~ ')', days
    ) }}
{%- endmacro %}
