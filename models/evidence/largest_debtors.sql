-- What each customer as a whole owes beside the others of a slice, at the end of each period. Only
-- customers that owe something count.
-- Grain: one row per period (month, quarter, year), slice of customer records and record.
select
    balances.period_grain,
    balances.period_start,
    slices.slice_id,
    balances.record_id,
    balances.receivables_amount,
    balances.items_amount,
    sum(balances.receivables_amount) over (
        partition by balances.period_grain, balances.period_start, slices.slice_id
    ) as slice_receivables_amount,
    row_number() over (
        partition by balances.period_grain, balances.period_start, slices.slice_id
        order by balances.receivables_amount desc, balances.record_id asc
    ) as debtor_rank

from {{ ref('customer_balances') }} as balances
inner join {{ ref('record_slices') }} as slices on balances.record_id = slices.record_id
where balances.receivables_amount > 0 and balances.items_amount > 0
