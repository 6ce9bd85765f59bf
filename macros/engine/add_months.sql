{#- A date moved by a number of months; stays a date on every engine. -#}
{% macro add_months(date, months) -%}
    {{ return(adapter.dispatch('add_months', 'encours')(date, months)) }}
{%- endmacro %}

{% macro default__add_months(date, months) -%}
    cast({{ date }} + to_months({{ months }}) as date)
{%- endmacro %}

{% macro spark__add_months(date, months) -%}
    add_months({{ date }}, {{ months }})
{%- endmacro %}
