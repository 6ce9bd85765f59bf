{#- A ratio, or NULL where the denominator is zero, negative or missing: no value instead of a
    false one. -#}
{% macro safe_divide(numerator, denominator) -%}
    case when {{ denominator }} > 0 then cast({{ numerator }} as double) / cast({{ denominator }} as double) end
{%- endmacro %}
