{#- Collection effectiveness index; definition in docs block kpi_cei. -#}
{% macro cei(opening_receivables, revenue, receivables, not_due) -%}
    {{ safe_divide(
        '(' ~ opening_receivables ~ ' + ' ~ revenue ~ ' - ' ~ receivables ~ ')',
        '(' ~ opening_receivables ~ ' + ' ~ revenue ~ ' - ' ~ not_due ~ ')'
    ) }}
{%- endmacro %}
