{#- What kind of record a movement comes from: the item itself where it is issued. -#}
{% macro movement_record_type(relation) -%}
    case
        when {{ relation }}.movement_type = 'issue' then {{ relation }}.item_type
        when {{ relation }}.movement_type like '%_allocation' then 'allocation'
        else {{ relation }}.movement_type
    end
{%- endmacro %}
