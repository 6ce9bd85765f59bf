{#- An amount in document currency as the reporting currency has it, to a millionth. What is in the
    reporting currency already stays exact; the rest is multiplied as double, which keeps the
    millionth up to 10^9 and the cent up to 10^13, and takes a fortieth of the time (ADR 0005). -#}
{% macro convert(amount, factor) -%}
    case
        when {{ factor }} = 1 then {{ money(amount) }}
        else {{ money('cast(' ~ amount ~ ' as double) * ' ~ factor) }}
    end
{%- endmacro %}
