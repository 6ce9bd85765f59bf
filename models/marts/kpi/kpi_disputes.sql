-- What customers dispute, for how long, and how often.
-- Grain: one row per period (month, quarter, year), entity and segment.
with

parts as (

    select parts.* from {{ ref('int_period_parts') }} as parts
    where parts.period_grain <> 'day'

),

balances as (

    select
        monthly.snapshot_date,
        monthly.slice_id,
        sum(monthly.disputed_amount) as disputed_amount
    from {{ ref('int_receivables_monthly') }} as monthly
    where monthly.disputed_amount <> 0
    group by monthly.snapshot_date, monthly.slice_id

),

disputes as (

    select
        disputes.period_grain,
        disputes.period_start,
        disputes.slice_id,
        sum(disputes.open_count) as open_count,
        sum(disputes.over_30_days_count) as over_30_days_count,
        sum(disputes.over_30_days_amount) as over_30_days_amount,
        sum(disputes.opened_count) as opened_count,
        sum(disputes.closed_count) as closed_count,
        sum(disputes.resolution_days_count) as resolution_days_count
    from {{ ref('int_period_disputes') }} as disputes
    where disputes.reason_kind = 'dispute'
    group by disputes.period_grain, disputes.period_start, disputes.slice_id

),

measured as (

    select
        parts.*,
        cast(coalesce(disputes.open_count, 0) as bigint) as open_dispute_count,
        cast(coalesce(disputes.over_30_days_count, 0) as bigint) as over_30_days_count,
        {{ money('coalesce(disputes.over_30_days_amount, 0)') }} as over_30_days_amount,
        cast(coalesce(disputes.opened_count, 0) as bigint) as opened_count,
        cast(coalesce(disputes.closed_count, 0) as bigint) as closed_count,
        cast(coalesce(disputes.resolution_days_count, 0) as bigint) as resolution_days_count,
        coalesce(customers.active_customer_count, 0) as active_customer_count,
        coalesce(invoices.invoice_count, 0) as invoice_count,
        {{ money('coalesce(balances.disputed_amount, 0)') }} as disputed_amount
    from parts
    left join balances
        on parts.as_of_date = balances.snapshot_date and parts.slice_id = balances.slice_id
    left join disputes
        on
            parts.period_grain = disputes.period_grain
            and parts.period_start = disputes.period_start
            and parts.slice_id = disputes.slice_id
    left join {{ ref('int_period_customers') }} as customers
        on
            parts.period_grain = customers.period_grain
            and parts.period_start = customers.period_start
            and parts.slice_id = customers.slice_id
    left join {{ ref('int_period_invoicing') }} as invoices
        on
            parts.period_grain = invoices.period_grain
            and parts.period_start = invoices.period_start
            and parts.slice_id = invoices.slice_id

)

select
    {{ slice_columns('measured') }},
    measured.open_invoices_amount,
    measured.open_dispute_count,
    measured.over_30_days_count,
    measured.over_30_days_amount,
    measured.opened_count,
    measured.closed_count,
    measured.resolution_days_count,
    measured.active_customer_count,
    measured.invoice_count,
    measured.disputed_amount,
    {{ dispute_rate('measured.disputed_amount', 'measured.open_invoices_amount') }}
        as dispute_rate,
    {{ over_30_days_rate('measured.over_30_days_count', 'measured.open_dispute_count') }}
        as over_30_days_rate,
    {{ over_30_days_rate('measured.over_30_days_amount', 'measured.disputed_amount') }}
        as over_30_days_amount_rate,
    {{ avg_resolution_days('measured.resolution_days_count', 'measured.closed_count') }}
        as avg_resolution_days,
    {{ resolution_ratio('measured.resolution_days_count', 'measured.closed_count') }}
        as resolution_ratio,
    {{ disputes_per_customer('measured.opened_count', 'measured.active_customer_count') }}
        as disputes_per_customer,
    {{ invoices_per_dispute('measured.invoice_count', 'measured.opened_count') }}
        as invoices_per_dispute

from measured
