{#- A query that gives every day between two dates, both included, as `series_date`.
    Both bounds are columns of `relation`, which has one row. -#}
{% macro date_series(relation, first_date, last_date) -%}
    {{ return(adapter.dispatch('date_series', 'encours')(relation, first_date, last_date)) }}
{%- endmacro %}

{% macro default__date_series(relation, first_date, last_date) -%}
    select cast(series.day_start as date) as series_date
    from {{ relation }} as bounds
    cross join
        generate_series(
            cast(bounds.{{ first_date }} as timestamp),
            cast(bounds.{{ last_date }} as timestamp),
            interval 1 day
        ) as series (day_start)
{%- endmacro %}

{% macro spark__date_series(relation, first_date, last_date) -%}
    select explode(sequence(bounds.{{ first_date }}, bounds.{{ last_date }}, interval 1 day)) as series_date
    from {{ relation }} as bounds
{%- endmacro %}
