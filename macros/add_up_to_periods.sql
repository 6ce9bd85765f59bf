{#- A query that adds up the months of slices to months, quarters and years, from a relation with
    `month_start`, `slice_id` and the measures. For flows that do not depend on the as-of date. -#}
{% macro add_up_to_periods(relation, amounts=[], counts=[]) -%}
    {%- for grain in ['month', 'quarter', 'year'] %}
    {{ 'union all' if not loop.first }}
    select
        '{{ grain }}' as period_grain,
        {{ period_start(grain, relation ~ '.month_start') }} as period_start,
        {%- for amount in amounts %}
        {{ money('sum(' ~ relation ~ '.' ~ amount ~ ')') }} as {{ amount }},
        {%- endfor %}
        {%- for count in counts %}
        cast(sum({{ relation }}.{{ count }}) as bigint) as {{ count }},
        {%- endfor %}
        {{ relation }}.slice_id
    from {{ relation }}
    group by {{ period_start(grain, relation ~ '.month_start') }}, {{ relation }}.slice_id
    {% endfor -%}
{%- endmacro %}
