{#- A query of one row with the thresholds of the seed that hold on a day, each a column of its
    code. `relation` has one row and the day. A threshold that is not in the seed is NULL. -#}
{% macro thresholds_on(day, relation, codes) -%}
    select
        {%- for code in codes %}
        max_by(thresholds.value, thresholds.valid_from) filter (
            where thresholds.threshold_code = '{{ code }}'
        ) as {{ code }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('thresholds') }} as thresholds
    cross join {{ relation }}
    where thresholds.valid_from <= {{ day }}
{%- endmacro %}
