{#- A folder, its prefix and its schema say the same thing: the schema is taken as it is written. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
