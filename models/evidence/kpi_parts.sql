-- What each figure is made of, read from the formulas of the KPIs.
-- Grain: one row per figure and part.
{%- set rows = [] %}
{%- if execute %}
{%- for node in graph.nodes.values() if node.resource_type == 'model' and node.path.startswith('marts/kpi/') %}
{%- for column, part_column, part, kind, part_order in figure_parts(node) %}
{%- do rows.append((
    figure_code(node, column), node.name, column, part_order, part_column,
    figure_code(node, part_column), part, kind
)) %}
{%- endfor %}
{%- endfor %}
{%- endif %}
select
    cast(parts.figure_code as varchar) as figure_code,
    cast(parts.mart as varchar) as mart,
    cast(parts.column_name as varchar) as column_name,
    cast(parts.part_order as integer) as part_order,
    cast(parts.part_column as varchar) as part_column,
    cast(parts.part_figure_code as varchar) as part_figure_code,
    cast(parts.part as varchar) as part,
    cast(parts.part_kind as varchar) as part_kind

from (
    values
    {% for row in rows -%}
    (
        {%- for value in row %}
        {{- text_literal(value) if value is not none else 'null' }}{{ ', ' if not loop.last }}
        {%- endfor -%}
    ){{ ',' if not loop.last }}
    {% else -%}
    ('', '', '', 1, '', '', '', '')
    {% endfor -%}
) as parts (
    figure_code, mart, column_name, part_order, part_column, part_figure_code, part, part_kind
)
