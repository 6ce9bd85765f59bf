-- The aged balance and the ageing rates speak of the same open invoices and receivables.
-- The tolerance is half a cent: amounts are rounded to a millionth in each row.
with

buckets as (

    select
        buckets.period_grain,
        buckets.period_start,
        buckets.entity_code,
        buckets.segment_type,
        buckets.segment_code,
        sum(buckets.open_amount) as receivables_amount,
        sum(buckets.opening_amount) as opening_receivables_amount
    from {{ ref('kpi_ageing_buckets') }} as buckets
    group by
        buckets.period_grain, buckets.period_start, buckets.entity_code, buckets.segment_type,
        buckets.segment_code

)

select
    ageing.period_grain || ' ' || cast(ageing.period_start as varchar) || ', entity '
    || ageing.entity_code || ', ' || ageing.segment_type || ' ' || ageing.segment_code
    || ': the buckets do not add up to the receivables' as message
from {{ ref('kpi_ageing') }} as ageing
left join buckets
    on
        ageing.period_grain = buckets.period_grain
        and ageing.period_start = buckets.period_start
        and ageing.entity_code = buckets.entity_code
        and ageing.segment_type = buckets.segment_type
        and ageing.segment_code = buckets.segment_code
where
    ageing.period_grain <> 'day'
    and (
        abs(ageing.receivables_amount - coalesce(buckets.receivables_amount, 0)) >= 0.005
        or abs(
            ageing.opening_receivables_amount - coalesce(buckets.opening_receivables_amount, 0)
        ) >= 0.005
    )
