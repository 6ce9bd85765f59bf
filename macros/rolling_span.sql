{#- Revenue and days of a span of whole months that ends at the as-of date, from columns
    `span_<name>_start`; NULL where the span starts before history does. -#}
{% macro rolling_revenue(relation, relation_before, name) -%}
    case
        when {{ relation }}.span_{{ name }}_start >= {{ relation }}.first_month_start
            then
                {{ relation }}.cumulative_revenue_amount
                - coalesce({{ relation_before }}.cumulative_revenue_amount, 0)
    end
{%- endmacro %}

{% macro rolling_days(relation, name) -%}
    case
        when {{ relation }}.span_{{ name }}_start >= {{ relation }}.first_month_start
            then cast({{ days_between(
                relation ~ '.span_' ~ name ~ '_start', relation ~ '.as_of_date'
            ) }} + 1 as integer)
    end
{%- endmacro %}
