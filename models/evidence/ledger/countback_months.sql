-- The months of revenue, newest first, that make up the receivables of a slice at a month-end: each
-- counts its days, the last one the part of them that is needed.
-- Grain: one row per slice, month-end (or as-of date) and month.
with

months as (

    select
        parts.slice_id,
        parts.period_start as month_start,
        parts.as_of_date,
        parts.days_in_period,
        parts.receivables_amount,
        parts.revenue_amount,
        sum(parts.revenue_amount) over (
            partition by parts.slice_id order by parts.period_start
            rows between unbounded preceding and current row
        ) as revenue_so_far
    from {{ ref('int_period_parts') }} as parts
    where parts.period_grain = 'month'

),

-- The newest month from which on the revenue covers the receivables; a thousandth of a cent apart
-- is covered.
ends as (

    select
        closing.slice_id,
        closing.as_of_date,
        max(months.month_start) as end_month_start
    from months as closing
    inner join months
        on
            closing.slice_id = months.slice_id
            and closing.month_start >= months.month_start
            and closing.revenue_so_far - months.revenue_so_far + months.revenue_amount + 0.00001
            >= closing.receivables_amount
    where closing.receivables_amount > 0
    group by closing.slice_id, closing.as_of_date

)

select
    cast(closing.slice_id as bigint) as slice_id,
    closing.as_of_date,
    months.month_start,
    cast(months.days_in_period as integer) as days_in_period,
    cast(months.revenue_amount as decimal(18, 2)) as revenue_amount,
    case
        when months.month_start > ends.end_month_start then cast(months.days_in_period as double)
        else
            cast(
                closing.receivables_amount - closing.revenue_so_far + months.revenue_so_far
                as double
            ) / cast(months.revenue_amount as double) * months.days_in_period
    end as days_taken

from ends
inner join months as closing
    on ends.slice_id = closing.slice_id and ends.as_of_date = closing.as_of_date
inner join months
    on
        ends.slice_id = months.slice_id
        and ends.end_month_start <= months.month_start
        and closing.month_start >= months.month_start
