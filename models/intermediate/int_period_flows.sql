-- What moved in each period. Single customers have no rows by day.
-- Grain: one row per period and slice in which something moved.
{%- set flows = flow_columns() %}
with

flows as (

    select * from {{ ref('int_flows_daily') }}

),

slices as (

    select * from {{ ref('int_dimension_set_slices') }}

),

set_days as (

    select
        flows.flow_date,
        dimension_sets.segment_set_id,
        {{ sum_columns('flows', flows) }}
    from flows
    inner join {{ ref('int_dimension_sets') }} as dimension_sets
        on flows.dimension_set_id = dimension_sets.dimension_set_id
    group by flows.flow_date, dimension_sets.segment_set_id

),

entity_days as (

    select
        set_days.flow_date,
        slices.slice_id,
        slices.group_slice_id,
        {{ sum_columns('set_days', flows) }}
    from set_days
    inner join {{ ref('int_segment_set_slices') }} as slices
        on set_days.segment_set_id = slices.segment_set_id
    group by set_days.flow_date, slices.slice_id, slices.group_slice_id

),

days as (

    select
        'day' as period_grain,
        entity_days.flow_date as period_start,
        entity_days.slice_id,
        {{ 'entity_days.' ~ flows | join(', entity_days.') }}
    from entity_days

    union all

    select
        'day' as period_grain,
        entity_days.flow_date as period_start,
        entity_days.group_slice_id as slice_id,
        {{ sum_columns('entity_days', flows) }}
    from entity_days
    group by entity_days.flow_date, entity_days.group_slice_id

),

set_months as (

    select
        {{ period_start('month', 'flows.flow_date') }} as month_start,
        flows.dimension_set_id,
        {{ sum_columns('flows', flows) }}
    from flows
    group by {{ period_start('month', 'flows.flow_date') }}, flows.dimension_set_id

),

months as (

    select
        set_months.month_start,
        slices.slice_id,
        {{ sum_columns('set_months', flows) }}
    from set_months
    inner join slices on set_months.dimension_set_id = slices.dimension_set_id
    group by set_months.month_start, slices.slice_id

),

periods as (

    select * from days
    {% for grain in ['month', 'quarter', 'year'] %}
    union all

    select
        '{{ grain }}' as period_grain,
        {{ period_start(grain, 'months.month_start') }} as period_start,
        months.slice_id,
        {{ sum_columns('months', flows) }}
    from months
    group by {{ period_start(grain, 'months.month_start') }}, months.slice_id
    {% endfor %}
)

select * from periods
