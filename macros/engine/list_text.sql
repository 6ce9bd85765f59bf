{#- The values of a group as one text, in order, with commas between. Both are texts. -#}
{% macro list_text(value) -%}
    {{ return(adapter.dispatch('list_text', 'encours')(value)) }}
{%- endmacro %}

{% macro default__list_text(value) -%}
    string_agg({{ value }}, ', ' order by {{ value }})
{%- endmacro %}

{% macro spark__list_text(value) -%}
    array_join(sort_array(collect_list({{ value }})), ', ')
{%- endmacro %}
