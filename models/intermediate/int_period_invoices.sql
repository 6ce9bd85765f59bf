-- How many invoices and debit notes were issued in each period.
-- Grain: one row per period (month, quarter, year) and slice with any.
with

set_months as (

    select
        {{ period_start('month', 'items.issue_date') }} as month_start,
        items.dimension_set_id,
        count(*) as invoice_count
    from {{ ref('int_receivable_items') }} as items
    cross join {{ ref('int_run') }} as run
    where items.item_type in ('invoice', 'debit_note') and items.issue_date <= run.as_of_date
    group by {{ period_start('month', 'items.issue_date') }}, items.dimension_set_id

),

months as (

    {{ add_up_to_slices('set_months', ['month_start'], counts=['invoice_count']) }}

)

{%- for grain in ['month', 'quarter', 'year'] %}
{{ 'union all' if not loop.first }}
select
    '{{ grain }}' as period_grain,
    {{ period_start(grain, 'months.month_start') }} as period_start,
    months.slice_id,
    cast(sum(months.invoice_count) as bigint) as invoice_count

from months
group by {{ period_start(grain, 'months.month_start') }}, months.slice_id
{%- endfor %}
