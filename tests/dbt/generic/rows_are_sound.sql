{#- Every row of a seed can be used: its key is there once, every column is filled but those that may
    be empty, numbers lie within their bounds, codes are known. Finds one message per fault.

    - `key`: columns that identify a row;
    - `unique`: columns that identify a row, too, each alone;
    - `optional`: columns that may be empty;
    - `bounds`: smallest and largest value by column, both included; null where there is none;
    - `codes`: the codes that a column may have, by column;
    - `reference_column`, `references`: a column and the relation that has its codes. -#}
{% test rows_are_sound(
    model, key, unique=[], optional=[], bounds={}, codes={}, reference_column=none, references=none
) %}
{%- set columns = [] -%}
{%- if execute -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'seed' and node.name == model.identifier -%}
        {%- do columns.extend(node.columns.keys()) -%}
    {%- endfor -%}
{%- endif -%}
{%- set row_name -%}
    '{{ model.identifier }}'
    {%- for column in key -%}
        {{ ' ' }}|| ', {{ column }} ' || coalesce(cast({{ column }} as varchar), '(empty)')
    {%- endfor -%}
{%- endset -%}
select {{ row_name }} || ' is there ' || cast(count(*) as varchar) || ' times' as message
from {{ model }}
group by {{ key | join(', ') }}
having count(*) > 1
{%- for column in unique %}

union all

select
    '{{ model.identifier }}: {{ column }} ' || cast({{ column }} as varchar) || ' is there '
    || cast(count(*) as varchar) || ' times' as message
from {{ model }}
where {{ column }} is not null
group by {{ column }}
having count(*) > 1
{%- endfor %}
{%- for column in columns if column not in optional %}

union all

select {{ row_name }} || ': {{ column }} is empty' as message
from {{ model }}
where {{ column }} is null
{%- endfor %}
{%- for column, (at_least, at_most) in bounds.items() %}

union all

select
    {{ row_name }} || ': {{ column }} is ' || cast({{ column }} as varchar)
    {%- if at_least is not none %} || '; at least {{ at_least }} is expected'{% endif %}
    {%- if at_most is not none %} || '; at most {{ at_most }} is expected'{% endif %} as message
from {{ model }}
where
    false
    {%- if at_least is not none %}
    or {{ column }} < {{ at_least }}
    {%- endif %}
    {%- if at_most is not none %}
    or {{ column }} > {{ at_most }}
    {%- endif %}
{%- endfor %}
{%- for column, values in codes.items() %}

union all

select
    {{ row_name }} || ': {{ column }} is ' || {{ column }} || '; one of {{ values | join(', ') }} is expected'
        as message
from {{ model }}
where {{ column }} not in ('{{ values | join("', '") }}')
{%- endfor %}
{%- if references is not none %}

union all

select
    {{ row_name }} || ': {{ reference_column }} is not in {{ references.identifier }}' as message
from {{ model }}
where
    {{ reference_column }} not in (
        select codes.{{ reference_column }} from {{ references }} as codes
    )
{%- endif %}
{% endtest %}
