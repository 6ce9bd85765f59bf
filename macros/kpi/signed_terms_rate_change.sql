{#- Change of signed_terms_rate against the same period of the year before; definition in docs block
    kpi_signed_terms_rate_change. -#}
{% macro signed_terms_rate_change(signed_count, active_count, signed_before, active_before) -%}
    {{ signed_terms_rate(signed_count, active_count) }}
    - {{ signed_terms_rate(signed_before, active_before) }}
{%- endmacro %}
