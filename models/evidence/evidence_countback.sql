-- The months of revenue, newest first, that make up the receivables at the end of a period: each
-- counts its days, the last one the part of them that is needed.
-- Grain: one row per period, slice and month.
with

set_slices as (

    select
        items.scope_id as dimension_set_id,
        slices.scope_id as slice_id
    from {{ ref('members') }} as items
    inner join {{ ref('members') }} as slices
        on
            items.entity_code = slices.entity_code
            and items.segment_type = slices.segment_type
            and items.segment_code = slices.segment_code
    where items.scope = 'item' and slices.scope = 'slice'

),

receivables as (

    select
        set_slices.slice_id,
        balances.period_start as month_start,
        sum(balances.contribution) as receivables_amount
    from {{ ref('evidence_balances') }} as balances
    inner join set_slices on balances.scope_id = set_slices.dimension_set_id
    where balances.part = 'receivables_amount' and balances.period_grain = 'month'
    group by set_slices.slice_id, balances.period_start
    having sum(balances.contribution) > 0

),

revenue as (

    select
        set_slices.slice_id,
        flows.period_start as month_start,
        sum(flows.contribution) as revenue_amount
    from {{ ref('evidence_flows') }} as flows
    inner join set_slices on flows.scope_id = set_slices.dimension_set_id
    where flows.part = 'revenue_amount' and flows.period_grain = 'month'
    group by set_slices.slice_id, flows.period_start

),

months as (

    select
        receivables.slice_id,
        receivables.month_start as last_month_start,
        receivables.receivables_amount,
        periods.period_start as month_start,
        periods.days_in_period,
        coalesce(revenue.revenue_amount, 0) as revenue_amount,
        sum(coalesce(revenue.revenue_amount, 0)) over (
            partition by receivables.slice_id, receivables.month_start
            order by periods.period_start desc
            rows between unbounded preceding and current row
        ) as taken_amount
    from receivables
    inner join {{ ref('periods') }} as periods
        on periods.period_grain = 'month' and receivables.month_start >= periods.period_start
    left join revenue
        on
            receivables.slice_id = revenue.slice_id
            and periods.period_start = revenue.month_start

),

-- The newest month at which the revenue taken covers the receivables; a thousandth of a cent apart
-- is covered.
ends as (

    select
        months.*,
        max(
            case
                when months.taken_amount + 0.00001 >= months.receivables_amount
                    then months.month_start
            end
        ) over (partition by months.slice_id, months.last_month_start) as end_month_start
    from months

)

select
    {{ contribution_columns({
        'part': "'dso_countback_days'",
        'scope': "'slice'",
        'scope_id': 'ends.slice_id',
        'contribution': '
            case
                when ends.month_start > ends.end_month_start then ends.days_in_period
                else
                    cast(
                        ends.receivables_amount - ends.taken_amount + ends.revenue_amount as double
                    ) / cast(ends.revenue_amount as double) * ends.days_in_period
            end',
        'record_type': "'month'",
        'event_date': 'ends.month_start',
        'currency_code': 'periods.reporting_currency_code',
        'document_amount': 'ends.revenue_amount',
        'days': 'ends.days_in_period',
        'note': "'revenue of the month'",
    }) }}
from ends
inner join {{ ref('periods') }} as last_months
    on
        last_months.period_grain = 'month'
        and ends.last_month_start = last_months.period_start
inner join {{ ref('periods') }} as periods
    on last_months.as_of_date = periods.as_of_date
where periods.period_grain <> 'day' and ends.month_start >= ends.end_month_start
