{#- An amount in document currency as the reporting currency has it. Most amounts are in it already:
    they skip a multiplication that costs more than all the rest of the row. -#}
{% macro convert(amount, factor) -%}
    case
        when {{ factor }} = 1 then {{ money(amount) }}
        else {{ money(amount ~ ' * ' ~ factor) }}
    end
{%- endmacro %}
