{#- A query that repeats each row of `relation` for every day from `first_date` to `last_date`,
    both included and both columns of it, as `each_date`. Much faster than joining a calendar. -#}
{% macro each_day(relation, first_date, last_date) -%}
    {{ return(adapter.dispatch('each_day', 'encours')(relation, first_date, last_date)) }}
{%- endmacro %}

{% macro default__each_day(relation, first_date, last_date) -%}
    select
        {{ relation }}.*,
        {{ relation }}.{{ first_date }} + cast(
            unnest(range({{ relation }}.{{ last_date }} - {{ relation }}.{{ first_date }} + 1)) as integer
        ) as each_date
    from {{ relation }}
{%- endmacro %}

{% macro spark__each_day(relation, first_date, last_date) -%}
    select
        {{ relation }}.*,
        explode(sequence({{ relation }}.{{ first_date }}, {{ relation }}.{{ last_date }}, interval 1 day)) as each_date
    from {{ relation }}
{%- endmacro %}
