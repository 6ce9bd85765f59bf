{#- An amount as it is while converting and adding up: six decimals. -#}
{% macro money(amount) -%}
    cast({{ amount }} as decimal(38, 6))
{%- endmacro %}
