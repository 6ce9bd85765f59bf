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

days as (

    select
        'day' as period_grain,
        flows.flow_date as period_start,
        slices.slice_id,
        {{ sum_columns('flows', flows) }}
    from flows
    inner join slices on flows.dimension_set_id = slices.dimension_set_id
    where slices.segment_type <> 'customer'
    group by flows.flow_date, slices.slice_id

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
