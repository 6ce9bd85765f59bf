{#- What the insurer would pay of the receivables of one customer; definition in docs block
    kpi_insured_amount. -#}
{% macro insured_amount(receivables, insured_limit, quota) -%}
    greatest(least({{ receivables }}, {{ insured_limit }}), 0) * {{ quota }}
{%- endmacro %}
