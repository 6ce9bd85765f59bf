{#- A query of the KPIs of a mart that have a target, month by month, as one column `kpi_value`, with
    the target that holds at the end of the month. Which columns are KPIs is read from their meta. -#}
{% macro targeted_values(mart, targets) -%}
    {%- set codes = {} -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.name == mart -%}
            {%- for column in node.columns.values() if column.config.get('meta', {}).get('kpi') -%}
                {%- do codes.update({column.config.meta.kpi.code: column.name}) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    select
        '{{ mart }}' as mart,
        targets.kpi_code,
        targets.direction,
        targets.target_value,
        months.period_start,
        months.as_of_date,
        months.entity_code,
        months.segment_type,
        months.segment_code,
        months.currency_code,
        case targets.kpi_code
            {%- for code, column in codes.items() %}
            when '{{ code }}' then cast(months.{{ column }} as double)
            {%- endfor %}
            else cast(null as double)
        end as kpi_value
    from {{ ref(mart) }} as months
    inner join {{ targets }} as targets
        on
            months.entity_code = targets.entity_code
            and months.segment_type = targets.segment_type
            and months.segment_code = targets.segment_code
            and months.as_of_date >= targets.valid_from
            and months.as_of_date < targets.valid_to
    where
        months.period_grain = 'month'
        and months.is_period_complete
        and targets.kpi_code in ('{{ codes.keys() | join("', '") }}')
{%- endmacro %}
