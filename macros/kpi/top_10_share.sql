{#- What the ten largest customers owe of what is owed; definition in docs block
    kpi_top_10_share. -#}
{% macro top_10_share(top_10, positive_receivables) -%}
    {{ safe_divide(top_10, positive_receivables) }}
{%- endmacro %}
