{#- Execution rate by mean days from first reminder to settlement; definition in docs block
    kpi_collection_performance_index. -#}
{% macro collection_performance_index(planned_done, planned, days_to_settlement, settled) -%}
    ({{ execution_rate(planned_done, planned) }}) * ({{ safe_divide(days_to_settlement, settled) }})
{%- endmacro %}
