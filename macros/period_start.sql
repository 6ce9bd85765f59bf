{#- First day of the month, quarter or year that holds a date; a date on every engine. -#}
{% macro period_start(grain, date) -%}
    cast(date_trunc('{{ grain }}', {{ date }}) as date)
{%- endmacro %}
