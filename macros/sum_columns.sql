{#- Columns of a relation added up one by one, each under its own name. -#}
{% macro sum_columns(relation, names) -%}
    {%- for name in names -%}
        sum({{ relation }}.{{ name }}) as {{ name }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
