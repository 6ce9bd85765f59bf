{#- A date moved by a number of days; stays a date on every engine. -#}
{% macro add_days(date, days) -%}
    {{ return(adapter.dispatch('add_days', 'encours')(date, days)) }}
{%- endmacro %}

{% macro default__add_days(date, days) -%}
    ({{ date }} + cast({{ days }} as integer))
{%- endmacro %}

{% macro spark__add_days(date, days) -%}
    date_add({{ date }}, cast({{ days }} as int))
{%- endmacro %}
