-- The aged balance: what is open in each ageing bucket, and what became of what stood in it.
-- Grain: one row per period (month, quarter, year), entity, segment and bucket, from the first
-- month-end on at which the slice had an open item in the bucket.
with

parts as (

    select parts.* from {{ ref('int_period_parts') }} as parts
    where parts.period_grain <> 'day'

),

balances as (

    select
        monthly.snapshot_date,
        monthly.slice_id,
        bands.ageing_bucket,
        bands.bucket_order,
        sum(monthly.open_amount) as open_amount,
        sum(monthly.item_count) as item_count
    from {{ ref('int_receivables_monthly') }} as monthly
    inner join {{ ref('int_age_bands') }} as bands on monthly.age_band = bands.age_band
    where monthly.item_count > 0
    group by monthly.snapshot_date, monthly.slice_id, bands.ageing_bucket, bands.bucket_order

),

buckets as (

    select
        balances.slice_id,
        balances.ageing_bucket,
        balances.bucket_order,
        min(balances.snapshot_date) as first_open_date
    from balances
    group by balances.slice_id, balances.ageing_bucket, balances.bucket_order

),

measured as (

    select
        parts.*,
        buckets.ageing_bucket,
        buckets.bucket_order,
        buckets.ageing_bucket not in ('undated', 'unallocated') as is_aged,
        {{ money('coalesce(closing.open_amount, 0)') }} as open_amount,
        {{ money('coalesce(opening.open_amount, 0)') }} as opening_amount,
        cast(coalesce(closing.item_count, 0) as bigint) as item_count,
        {{ money('coalesce(flows.collected_from_bucket_amount, 0)') }} as from_bucket_amount,
        {{ money('coalesce(flows.rolled_amount, 0)') }} as rolled_amount
    from parts
    inner join buckets
        on parts.slice_id = buckets.slice_id and parts.as_of_date >= buckets.first_open_date
    left join balances as closing
        on
            parts.as_of_date = closing.snapshot_date
            and buckets.slice_id = closing.slice_id
            and buckets.ageing_bucket = closing.ageing_bucket
    left join balances as opening
        on
            parts.opening_date = opening.snapshot_date
            and buckets.slice_id = opening.slice_id
            and buckets.ageing_bucket = opening.ageing_bucket
    left join {{ ref('int_bucket_flows') }} as flows
        on
            parts.period_grain = flows.period_grain
            and parts.period_start = flows.period_start
            and buckets.slice_id = flows.slice_id
            and buckets.ageing_bucket = flows.ageing_bucket

)

select
    {{ slice_columns('measured') }},
    measured.ageing_bucket,
    measured.bucket_order,
    measured.open_amount,
    measured.opening_amount,
    measured.item_count,
    measured.open_invoices_amount,
    {{ bucket_share('measured.open_amount', 'measured.open_invoices_amount') }} as share,
    case when measured.is_aged then measured.from_bucket_amount end as collected_from_bucket_amount,
    case
        when measured.is_aged
            then
                {{ bucket_recovery_rate(
                    'measured.from_bucket_amount', 'measured.opening_amount'
                ) }}
    end as bucket_recovery_rate,
    case when measured.is_aged then measured.rolled_amount end as rolled_amount,
    case
        when measured.is_aged
            then {{ roll_rate('measured.rolled_amount', 'measured.opening_amount') }}
    end as roll_rate

from measured
