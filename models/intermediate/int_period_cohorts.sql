-- What was received on the invoices issued in a period, and on what fell due in it. Receipts
-- count if they stand at the as-of date of the row; those within 30, 60 and 90 days of issue if
-- they stand at the as-of date of the run. Amounts in the reporting currency at the rate of the
-- issue date, or of the day the item fell due, and in the slices of that day.
-- Grain: one row per period (month, quarter, year) and slice with an invoice issued or an item that
-- fell due.
{%- set known_then = ['cohort_collected_amount', 'fell_due_amount', 'on_time_amount'] %}
{%- set known_now = [
    'cohort_collected_30d_amount', 'cohort_collected_60d_amount', 'cohort_collected_90d_amount'
] %}
with

run as (

    select * from {{ ref('int_run') }}

),

periods as (

    select * from {{ ref('int_periods') }}

),

allocations as (

    select
        allocations.item_key,
        allocations.item_type,
        allocations.item_dimension_set_id as dimension_set_id,
        allocations.currency_code,
        allocations.issue_date,
        allocations.booking_date,
        allocations.due_date,
        allocations.receipt_date,
        {{ period_start('month', 'allocations.movement_date') }} as known_month,
        allocations.allocated_amount
    from {{ ref('int_receipt_allocations') }} as allocations

),

issued as (

    select
        allocations.issue_date as cohort_date,
        allocations.known_month,
        allocations.dimension_set_id,
        allocations.currency_code,
        sum(allocations.allocated_amount) as cohort_collected_amount,
        {% for days in [30, 60, 90] %}
        coalesce(sum(allocations.allocated_amount) filter (
            where {{ days_between('allocations.issue_date', 'allocations.receipt_date') }}
            <= {{ days }}
        ), 0) as cohort_collected_{{ days }}d_amount,
        {% endfor %}
        0 as fell_due_amount,
        0 as on_time_amount
    from allocations
    where allocations.item_type <> 'opening'
    group by
        allocations.issue_date, allocations.known_month, allocations.dimension_set_id,
        allocations.currency_code

),

-- An opening item that was overdue when it was taken over fell due elsewhere.
fell_due as (

    select
        items.item_key,
        greatest(items.due_date, items.booking_date) as cohort_date,
        {{ period_start('month', 'greatest(items.due_date, items.booking_date)') }} as known_month,
        items.dimension_set_id,
        items.currency_code,
        items.signed_amount as fell_due_amount,
        0 as on_time_amount
    from {{ ref('int_receivable_items') }} as items
    cross join run
    where
        items.item_side = 'debit'
        and items.due_date is not null
        and greatest(items.due_date, items.booking_date) <= run.as_of_date
        and (items.item_type <> 'opening' or items.due_date >= items.booking_date)

    union all

    select
        allocations.item_key,
        greatest(allocations.due_date, allocations.booking_date) as cohort_date,
        allocations.known_month,
        allocations.dimension_set_id,
        allocations.currency_code,
        0 as fell_due_amount,
        allocations.allocated_amount as on_time_amount
    from allocations
    cross join run
    where
        allocations.receipt_date <= allocations.due_date
        and greatest(allocations.due_date, allocations.booking_date) <= run.as_of_date
        and (allocations.item_type <> 'opening' or allocations.due_date >= allocations.booking_date)

),

-- Sums are converted, not allocations: so many equal roundings never add up.
days as (

    select * from issued

    union all

    select
        fell_due.cohort_date,
        fell_due.known_month,
        coalesce(item_sets.dimension_set_id, fell_due.dimension_set_id) as dimension_set_id,
        fell_due.currency_code,
        0 as cohort_collected_amount,
        0 as cohort_collected_30d_amount,
        0 as cohort_collected_60d_amount,
        0 as cohort_collected_90d_amount,
        sum(fell_due.fell_due_amount) as fell_due_amount,
        sum(fell_due.on_time_amount) as on_time_amount
    from fell_due
    {{ dimension_set_of_day('fell_due.item_key', 'fell_due.cohort_date') }}
    group by
        fell_due.cohort_date, fell_due.known_month,
        coalesce(item_sets.dimension_set_id, fell_due.dimension_set_id), fell_due.currency_code

),

set_months as (

    select
        {{ period_start('month', 'days.cohort_date') }} as cohort_month,
        days.known_month,
        {% for name in known_then + known_now %}
        {{ money('sum(' ~ convert('days.' ~ name, 'factors.factor') ~ ')') }} as {{ name }},
        {% endfor %}
        days.dimension_set_id
    from days
    inner join {{ ref('int_fx_factors') }} as factors
        on
            days.cohort_date = factors.calendar_date
            and days.currency_code = factors.currency_code
    group by
        {{ period_start('month', 'days.cohort_date') }}, days.known_month, days.dimension_set_id

),

-- An as-of date ends a month or the run: a month is known at it in full or not at all.
months as (

    {{ add_up_to_slices('set_months', ['cohort_month', 'known_month'], known_then + known_now) }}

)
{% for grain in ['month', 'quarter', 'year'] %}
{{ 'union all' if not loop.first }}

select
    periods.period_grain,
    periods.period_start,
    {% for name in known_then %}
    {{ money(
        'coalesce(sum(months.' ~ name ~ ')
            filter (where months.known_month <= periods.as_of_date), 0)'
    ) }} as {{ name }},
    {% endfor %}
    {% for name in known_now %}
    {{ money('sum(months.' ~ name ~ ')') }} as {{ name }},
    {% endfor %}
    months.slice_id
from months
inner join periods
    on
        periods.period_grain = '{{ grain }}'
        and {{ period_start(grain, 'months.cohort_month') }} = periods.period_start
group by periods.period_grain, periods.period_start, months.slice_id
{% endfor %}
