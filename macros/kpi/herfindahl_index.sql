{#- Concentration over customers, an aggregate: the sum of their squared shares; definition in docs
    block kpi_herfindahl_index. Added up as decimals, whose sum does not depend on the order. -#}
{% macro herfindahl_index(receivables, positive_receivables) -%}
    cast(
        sum(cast(power({{ safe_divide(receivables, positive_receivables) }}, 2) as decimal(38, 18)))
        as double
    )
{%- endmacro %}
