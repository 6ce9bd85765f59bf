{#- Collection effectiveness index on the revenue of an average month; definition in docs block
    kpi_cei_monthly_average. Both sides are taken times the months, which keeps them exact. -#}
{% macro cei_monthly_average(opening_receivables, revenue, receivables, not_due, months) -%}
    {{ safe_divide(
        '((' ~ opening_receivables ~ ' - ' ~ receivables ~ ') * ' ~ months ~ ' + ' ~ revenue ~ ')',
        '((' ~ opening_receivables ~ ' - ' ~ not_due ~ ') * ' ~ months ~ ' + ' ~ revenue ~ ')'
    ) }}
{%- endmacro %}
