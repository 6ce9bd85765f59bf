{#- The value of that one of the columns of `cells` whose name an expression gives. -#}
{% macro column_by_name(name, columns, type) -%}
    case {{ name }}
        {%- for column in columns or ['days_in_period'] %}
        when '{{ column }}' then cast(cells.{{ column }} as {{ type }})
        {%- endfor %}
    end
{%- endmacro %}
