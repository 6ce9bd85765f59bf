-- How many items were overdue on at least one day of a period, and on how many of them something
-- was received in it that stands at its end. Each counts where it was on the first of these days.
-- Grain: one row per period (month, quarter, year) and slice with an overdue item.
{%- set grains = ['month', 'quarter', 'year'] %}
with

periods as (

    select * from {{ ref('int_periods') }}

),

overdue as (
    {% for grain in grains %}
    {{ 'union all' if not loop.first }}
    select
        '{{ grain }}' as period_grain,
        {{ period_start(grain, 'overdue.month_start') }} as period_start,
        overdue.item_key,
        min_by(overdue.dimension_set_id, overdue.first_overdue_on) as dimension_set_id
    from {{ ref('int_overdue_months') }} as overdue
    group by {{ period_start(grain, 'overdue.month_start') }}, overdue.item_key
    {% endfor %}
),

allocations as (

    select
        allocations.item_key,
        allocations.movement_date as allocated_on,
        undone.movement_date as undone_on
    from {{ ref('int_receipt_allocations') }} as allocations
    left join {{ ref('int_receipt_allocations') }} as undone
        on
            allocations.item_key = undone.item_key
            and allocations.event_key = undone.event_key
            and undone.is_reversal
    where not allocations.is_reversal

),

received as (
    {% for grain in grains %}
    {{ 'union all' if not loop.first }}
    select distinct
        periods.period_grain,
        periods.period_start,
        allocations.item_key
    from allocations
    inner join periods
        on
            periods.period_grain = '{{ grain }}'
            and {{ period_start(grain, 'allocations.allocated_on') }} = periods.period_start
    where allocations.undone_on is null or allocations.undone_on > periods.as_of_date
    {% endfor %}
),

counted as (

    select
        overdue.period_grain,
        overdue.period_start,
        overdue.dimension_set_id,
        count(*) as overdue_invoice_count,
        count(received.item_key) as activated_invoice_count
    from overdue
    left join received
        on
            overdue.period_grain = received.period_grain
            and overdue.period_start = received.period_start
            and overdue.item_key = received.item_key
    group by overdue.period_grain, overdue.period_start, overdue.dimension_set_id

)

{{ add_up_to_slices(
    'counted', ['period_grain', 'period_start'],
    counts=['overdue_invoice_count', 'activated_invoice_count']
) }}
