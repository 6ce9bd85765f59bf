{#- An amount of one record in the reporting currency. Ten decimals, so that what is rounded in each of
    millions of records stays below a cent in their sum. -#}
{% macro in_reporting(amount, factor) -%}
    case
        when {{ factor }} = 1 then cast({{ amount }} as decimal(38, 10))
        else cast(cast({{ amount }} as double) * {{ factor }} as decimal(38, 10))
    end
{%- endmacro %}
