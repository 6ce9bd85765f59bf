{#- Revenue on terms longer than the law allows; definition in docs block
    kpi_legal_terms_breach_rate. -#}
{% macro legal_terms_breach_rate(legal_breach, revenue) -%}
    {{ safe_divide(legal_breach, revenue) }}
{%- endmacro %}
