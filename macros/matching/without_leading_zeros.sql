{#- A number as it is compared: payers write leading zeros or leave them out. -#}
{% macro without_leading_zeros(text) -%}
    {{ regexp_replace_all(text, '^0+', '') }}
{%- endmacro %}
