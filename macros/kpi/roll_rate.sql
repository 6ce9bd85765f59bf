{#- Part of a bucket's opening balance that grew older unpaid; definition in docs block
    kpi_roll_rate. -#}
{% macro roll_rate(rolled, opening_amount) -%}
    {{ safe_divide(rolled, opening_amount) }}
{%- endmacro %}
