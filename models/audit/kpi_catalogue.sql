-- What each KPI means, how it is computed and where it stands, read from the declarations of the
-- KPI columns: `config: {meta: {kpi: ...}}` in the YAML of the marts.
-- Grain: one row per KPI.
{%- set kpis = [] %}
{%- if execute %}
{%- for node in graph.nodes.values() if node.resource_type == 'model' %}
{%- for column in node.columns.values() if 'kpi' in column.meta %}
{%- do kpis.append((node.name, column)) %}
{%- endfor %}
{%- endfor %}
{%- endif %}
with

kpis as (

    {% for mart, column in kpis -%}
    {%- set kpi = column.meta.kpi %}
    {{ 'union all' if not loop.first }}
    select
        {{ text_literal(kpi.code) }} as kpi_code,
        {{ text_literal(kpi.family) }} as family,
        {{ text_literal(mart) }} as mart,
        {{ text_literal(column.name) }} as column_name,
        {{ text_literal(kpi.unit) }} as unit,
        {{ text_literal(kpi.better) }} as better,
        {{ text_literal(kpi.label.en) }} as label_en,
        {{ text_literal(kpi.label.fr) }} as label_fr,
        {{ text_literal(kpi.formula) }} as formula,
        {{ text_literal(kpi.source) }} as source,
        {{ text_literal(column.description | trim) }} as description,
        {{ text_literal(kpi.get('grains', ['month', 'quarter', 'year']) | join(', ')) }} as grains
    {%- endfor %}

)

select
    kpis.kpi_code,
    kpis.family,
    kpis.mart,
    kpis.column_name,
    kpis.unit,
    kpis.better,
    kpis.label_en,
    kpis.label_fr,
    kpis.formula,
    kpis.source,
    kpis.description,
    kpis.grains

from kpis
