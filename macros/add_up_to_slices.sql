{#- A query that adds up measures of dimension sets to the slices they belong to, from a relation
    with `keys`, `dimension_set_id` and the measures. Amounts keep six decimals, counts are whole.
    `amounts` and `counts` are names of columns, `keys` those that the rows are about. -#}
{% macro add_up_to_slices(relation, keys, amounts=[], counts=[]) -%}
    select
        {%- for key in keys %}
        {{ relation }}.{{ key }},
        {%- endfor %}
        {%- for amount in amounts %}
        {{ money('sum(' ~ relation ~ '.' ~ amount ~ ')') }} as {{ amount }},
        {%- endfor %}
        {%- for count in counts %}
        cast(sum({{ relation }}.{{ count }}) as bigint) as {{ count }},
        {%- endfor %}
        slices.slice_id
    from {{ relation }}
    inner join {{ ref('int_dimension_set_slices') }} as slices
        on {{ relation }}.dimension_set_id = slices.dimension_set_id
    group by {% for key in keys %}{{ relation }}.{{ key }}, {% endfor %}slices.slice_id
{%- endmacro %}
