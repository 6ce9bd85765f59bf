{#- A sum over the rows that meet a condition, or NULL where one of them has no value: a part is no
    total. -#}
{% macro sum_if_complete(column, condition) -%}
    case
        when count({{ column }}) filter (where {{ condition }}) = count(*) filter (where {{ condition }})
            then sum({{ column }}) filter (where {{ condition }})
    end
{%- endmacro %}
