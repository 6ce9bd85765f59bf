{#- Days granted from issue to due date; definition in docs block kpi_weighted_terms_days. -#}
{% macro weighted_terms_days(terms_weight, invoiced_dated) -%}
    {{ safe_divide(terms_weight, invoiced_dated) }}
{%- endmacro %}
