{#- The columns that say which slice a row of a KPI mart is about; the same in every family. -#}
{% macro slice_columns(relation) -%}
    {{ relation }}.period_grain,
    {{ relation }}.period_start,
    {{ relation }}.period_end,
    {{ relation }}.as_of_date,
    cast({{ relation }}.days_in_period as integer) as days_in_period,
    {{ relation }}.is_period_complete,
    {{ relation }}.entity_code,
    {{ relation }}.segment_type,
    {{ relation }}.segment_code,
    {{ relation }}.currency_code
{%- endmacro %}
