{#- The part of a text that a group of a regular expression matches (0: the whole match), empty
    where nothing matches. Write classes as [0-9]: a backslash is read differently by each engine. -#}
{% macro regexp_group(text, pattern, group=0) -%}
    {{ return(adapter.dispatch('regexp_group', 'encours')(text, pattern, group)) }}
{%- endmacro %}

{% macro default__regexp_group(text, pattern, group=0) -%}
    regexp_extract({{ text }}, '{{ pattern }}', {{ group }})
{%- endmacro %}
