{#- A sum over the rows that meet a condition, or NULL where one of them has no value: a part is no
    total. -#}
{% macro sum_if_complete(column, condition) -%}
    {%- set filter = 'filter (where ' ~ condition ~ ')' -%}
    case when count({{ column }}) {{ filter }} = count(*) {{ filter }} then sum({{ column }}) {{ filter }} end
{%- endmacro %}
