{#- A ratio, or NULL where the denominator is zero, negative or missing: no value instead of a
    false one. Amounts are rounded to a millionth when they are converted, so that a difference of
    some misses zero by as much: what is no ten-thousandth counts as zero. -#}
{% macro safe_divide(numerator, denominator) -%}
    case
        when round({{ denominator }}, 4) > 0
            then cast({{ numerator }} as double) / cast({{ denominator }} as double)
    end
{%- endmacro %}
