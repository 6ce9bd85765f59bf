{#- Kept part of the promises that came to an end, by count or by amount; definition in docs blocks
    kpi_kept_rate and kpi_kept_amount_rate. -#}
{% macro kept_rate(kept, broken) -%}
    {{ safe_divide(kept, kept ~ ' + ' ~ broken) }}
{%- endmacro %}
