{#- A join that finds the dimension set of the day for items that changed theirs, as `item_sets`. What it
    does not find has the same set on all days. `item_key` and `day` are SQL expressions. -#}
{% macro dimension_set_of_day(item_key, day, name='item_sets') -%}
    left join {{ ref('int_item_dimension_sets') }} as {{ name }}
        on
            {{ item_key }} = {{ name }}.item_key
            and {{ day }} >= {{ name }}.valid_from
            and {{ day }} < {{ name }}.valid_to
{%- endmacro %}
