-- Days overdue cut at the edges of the ageing buckets and at the thresholds that KPIs name, so
-- that the buckets may change without moving `over_60_rate`.
-- Grain: one row per band.
with

buckets as (

    select * from {{ ref('ageing_buckets') }}

),

edges as (

    select buckets.days_from
    from buckets
    where buckets.days_from is not null

    union

    select cast(thresholds.days_from as integer) as days_from
    from (values (1), (31), (61), (91)) as thresholds (days_from)

    union

    select cast({{ first_age_day() }} as integer) as days_from

),

bands as (

    select
        edges.days_from,
        coalesce(
            lead(edges.days_from) over (order by edges.days_from) - 1, {{ last_age_day() }}
        ) as days_to
    from edges

)

select
    bands.days_from as age_band,
    bands.days_from,
    bands.days_to,
    buckets.ageing_bucket,
    buckets.bucket_order

from bands
inner join buckets
    on
        bands.days_from >= coalesce(buckets.days_from, {{ first_age_day() }})
        and bands.days_to <= coalesce(buckets.days_to, {{ last_age_day() }})
where buckets.ageing_bucket not in ('undated', 'unallocated')

union all

select
    case buckets.ageing_bucket
        when 'undated' then {{ undated_band() }} else {{ unallocated_band() }}
    end as age_band,
    cast(null as integer) as days_from,
    cast(null as integer) as days_to,
    buckets.ageing_bucket,
    buckets.bucket_order

from buckets
where buckets.ageing_bucket in ('undated', 'unallocated')
