-- The value of every figure in every cell of the marts, and of every part it is made of.
-- Grain: one row per figure, period, slice, row of a long mart and part.
{%- set marts = {
    'kpi_dso': [], 'kpi_ageing': [], 'kpi_ageing_buckets': ['cells.ageing_bucket'], 'kpi_collection': [],
    'kpi_payment_behaviour': [], 'kpi_dunning': [], 'kpi_dunning_status': ['cells.dunning_level'],
    'kpi_promises': [], 'kpi_disputes': [], 'kpi_dispute_reasons': [
        'cells.reason_kind', 'cells.reason_code'
    ],
    'kpi_credit_exposure': [], 'kpi_credit_exposure_classes': ['cells.risk_class'],
    'kpi_credit_losses': [], 'kpi_invoicing': [], 'kpi_cash_cycle': [],
} %}
{%- for mart, keys in marts.items() %}
{%- set columns = [] %}
{%- if execute %}
{%- for node in graph.nodes.values() if node.resource_type == 'model' and node.name == mart %}
{%- for column in node.columns.values() if is_figure(column) or column.name == 'days_in_period' %}
{%- do columns.append(column.name) %}
{%- endfor %}
{%- endfor %}
{%- endif %}
{{ 'union all' if not loop.first }}
select
    parts.figure_code,
    parts.mart,
    parts.column_name,
    cells.period_grain,
    cells.period_start,
    cells.period_end,
    cells.as_of_date,
    cells.entity_code,
    cells.segment_type,
    cells.segment_code,
    {{ keys | join(" || '|' || ") if keys else "''" }} as row_key,
    cells.currency_code,
    {{ column_by_name('parts.column_name', columns, 'double') }} as figure_value,
    {{ column_by_name('parts.part_column', columns, 'decimal(38, 10)') }} as part_value,
    parts.part_order,
    parts.part_column,
    parts.part_figure_code,
    parts.part,
    parts.part_kind

from {{ ref(mart) }} as cells
inner join {{ ref('kpi_parts') }} as parts on parts.mart = '{{ mart }}'
{%- endfor %}
