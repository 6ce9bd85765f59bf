{#- Active customers that have signed the terms of sale; definition in docs block
    kpi_signed_terms_rate. -#}
{% macro signed_terms_rate(signed_count, active_count) -%}
    {{ safe_divide(signed_count, active_count) }}
{%- endmacro %}
