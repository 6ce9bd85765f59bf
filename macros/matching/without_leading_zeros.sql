{#- A number as it is compared: payers write leading zeros or leave them out. -#}
{% macro without_leading_zeros(text) -%}
    trim(leading '0' from {{ text }})
{%- endmacro %}
