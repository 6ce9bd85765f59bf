{#- A KPI mart can be cut and rolled up: what its columns are, said once, is held to on every row.

    - `flows` of the months add up to the quarter and the year, of the entities to `ALL`, of the
      segments of a type to `all`;
    - `balances` and `slices_only` of the entities and of the segments do; balances of one day are
      the same in every grain;
    - `segments_only` of the segments do, and not of the entities: a customer of two entities counts
      once in the group;
    - `others` do not add up; each has its reason;
    - a ratio whose `meta.kpi.formula` names columns of the row is computed again from them, and
      none is infinite or no number.

    A number that is in none of the lists stops the test. `keys` are the columns of the grain
    besides those of the slice. The tolerance is half a cent and a millionth per row added, since
    amounts are rounded in each row; of ratios and weights, a billionth of the value. -#}
{% test adds_up(model, flows=[], balances=[], slices_only=[], segments_only=[], others={}, keys=[]) %}
{%- set slices = [
    'period_grain', 'period_start', 'period_end', 'as_of_date', 'days_in_period',
    'is_period_complete', 'entity_code', 'segment_type', 'segment_code', 'currency_code'
] -%}
{%- set nodes = [] -%}
{%- if execute -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.name == model.identifier -%}
        {%- do nodes.append(node) -%}
    {%- endfor -%}
    {%- set named = slices + keys + flows + balances + slices_only + segments_only + (others.keys() | list) -%}
    {%- for column in nodes[0].columns.values() -%}
        {%- if column.name not in named and column.data_type not in ('double', 'varchar', 'boolean', 'date') -%}
            {{ exceptions.raise_compiler_error(
                model.identifier ~ '.' ~ column.name ~ ' is in none of the lists of adds_up'
            ) }}
        {%- endif -%}
    {%- endfor -%}
{%- endif -%}
{%- set grain = ['period_grain', 'period_start', 'entity_code', 'segment_type', 'segment_code'] + keys -%}
with

{% for grain_name in ['quarter', 'year'] if flows -%}
months_of_{{ grain_name }} as (

    select
        cast(date_trunc('{{ grain_name }}', period_start) as date) as {{ grain_name }}_start,
        entity_code, segment_type, segment_code{% for key in keys %}, {{ key }}{% endfor %},
        count(*) as row_count,
        {{ sum_columns('months', flows) }}
    from {{ model }} as months
    where months.period_grain = 'month'
    group by all

),

{% endfor -%}
entities as (

    select
        period_grain, period_start, segment_type, segment_code{% for key in keys %}, {{ key }}{% endfor %},
        count(*) as row_count,
        {{ sum_columns('entity_rows', flows + balances + slices_only) }}
    from {{ model }} as entity_rows
    where entity_rows.entity_code <> 'ALL'
    group by all

),

segments as (

    select
        period_grain, period_start, entity_code, segment_type{% for key in keys %}, {{ key }}{% endfor %},
        count(*) as row_count,
        {{ sum_columns('segment_rows', flows + balances + slices_only + segments_only) }}
    from {{ model }} as segment_rows
    where segment_rows.segment_type <> 'all'
    group by all

),

days as (

    select
        as_of_date, entity_code, segment_type, segment_code{% for key in keys %}, {{ key }}{% endfor %},
        count(*) as row_count
        {%- for name in balances %},
        min({{ name }}) as lowest_{{ name }},
        max({{ name }}) as highest_{{ name }}
        {%- endfor %}
    from {{ model }} as day_rows
    group by all

),

findings as (

    {% for grain_name in ['quarter', 'year'] if flows -%}
    select
        'the months of {{ grain_name }} ' || cast(totals.period_start as varchar) || ', entity '
        || totals.entity_code || ', ' || totals.segment_type || ' ' || totals.segment_code as place
    from {{ model }} as totals
    left join months_of_{{ grain_name }} as sums
        on
            totals.period_start = sums.{{ grain_name }}_start
            {% for name in ['entity_code', 'segment_type', 'segment_code'] + keys -%}
            and totals.{{ name }} = sums.{{ name }}
            {% endfor %}
    where totals.period_grain = '{{ grain_name }}' and (
        false
        {%- for name in flows %}
        or {{ is_other_sum('totals.' ~ name, 'sums.' ~ name, 'sums.row_count') }}
        {%- endfor %}
    )

    union all

    {% endfor -%}
    select
        'the entities in ' || totals.period_grain || ' ' || cast(totals.period_start as varchar)
        || ', ' || totals.segment_type || ' ' || totals.segment_code as place
    from {{ model }} as totals
    left join entities as sums
        on
            totals.period_grain = sums.period_grain
            and totals.period_start = sums.period_start
            {% for name in ['segment_type', 'segment_code'] + keys -%}
            and totals.{{ name }} = sums.{{ name }}
            {% endfor %}
    where totals.entity_code = 'ALL' and (
        false
        {%- for name in flows + balances + slices_only %}
        or {{ is_other_sum('totals.' ~ name, 'sums.' ~ name, 'sums.row_count') }}
        {%- endfor %}
    )

    union all

    select
        'the segments of ' || sums.segment_type || ' in ' || totals.period_grain || ' '
        || cast(totals.period_start as varchar) || ', entity ' || totals.entity_code as place
    from {{ model }} as totals
    inner join segments as sums
        on
            totals.period_grain = sums.period_grain
            and totals.period_start = sums.period_start
            and totals.entity_code = sums.entity_code
            {% for name in keys -%}
            and totals.{{ name }} = sums.{{ name }}
            {% endfor %}
    where totals.segment_type = 'all' and (
        false
        {%- for name in flows + balances + slices_only + segments_only %}
        or {{ is_other_sum('totals.' ~ name, 'sums.' ~ name, 'sums.row_count') }}
        {%- endfor %}
    )

    union all

    select
        'the grains on ' || cast(days.as_of_date as varchar) || ', entity ' || days.entity_code
        || ', ' || days.segment_type || ' ' || days.segment_code as place
    from days
    where
        false
        {%- for name in balances %}
        or {{ is_other_sum('days.highest_' ~ name, 'days.lowest_' ~ name, 'days.row_count') }}
        {%- endfor %}
    {% for column in (nodes[0].columns.values() if nodes else []) if column.data_type == 'double' %}
    union all

    select
        '{{ column.name }}, which is no number, in ' || ratios.period_grain || ' '
        || cast(ratios.period_start as varchar) || ', entity ' || ratios.entity_code || ', '
        || ratios.segment_type || ' ' || ratios.segment_code as place
    from {{ model }} as ratios
    where abs(ratios.{{ column.name }}) > 1e300
    {% endfor %}
    {% for column in (nodes[0].columns.values() if nodes else []) if is_formula_of(column, nodes[0].columns) %}
    union all

    select
        '{{ column.name }} and its parts in ' || ratios.period_grain || ' '
        || cast(ratios.period_start as varchar) || ', entity ' || ratios.entity_code || ', '
        || ratios.segment_type || ' ' || ratios.segment_code as place
    from (
        select
            {{ grain | join(', ') }},
            cast({{ column.name }} as double) as published,
            {{ formula_as_sql(column.config.meta.kpi.formula) }} as expected
        from {{ model }}
        where period_grain <> 'day'
    ) as ratios
    where
        (ratios.published is null) <> (ratios.expected is null)
        or abs(ratios.published - ratios.expected)
        > 0.000000001 * greatest(1, abs(ratios.expected))
    {% endfor %}
)

select '{{ model.identifier }}: ' || findings.place || ' do not add up' as message
from findings
{% endtest %}
