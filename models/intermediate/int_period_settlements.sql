-- How many items a receipt settled in a period, and the days from issue to the last receipt on
-- each, as known at the as-of date of the row. What bounced by then counts nowhere as paid.
-- Grain: one row per period (month, quarter, year) and slice with an item settled.
with

periods as (

    select * from {{ ref('int_periods') }}

),

counted as (
    {% for grain in ['month', 'quarter', 'year'] %}
    {{ 'union all' if not loop.first }}
    select
        periods.period_grain,
        periods.period_start,
        settlements.dimension_set_id,
        count(*) as settled_invoice_count,
        sum({{ days_between('settlements.issue_date', 'settlements.last_receipt_date') }})
            as settled_days_count
    from {{ ref('int_settlements') }} as settlements
    inner join periods
        on
            periods.period_grain = '{{ grain }}'
            and {{ period_start(grain, 'settlements.settled_on') }} = periods.period_start
    where
        settlements.is_settled_by_receipt
        and settlements.last_receipt_date is not null
        and settlements.valid_from <= periods.as_of_date
        and settlements.valid_to > periods.as_of_date
    group by periods.period_grain, periods.period_start, settlements.dimension_set_id
    {% endfor %}
)

{{ add_up_to_slices(
    'counted', ['period_grain', 'period_start'],
    counts=['settled_invoice_count', 'settled_days_count']
) }}
