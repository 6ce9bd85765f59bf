-- The ageing buckets with their bounds in days overdue; an open end is further than any item.
-- Grain: one row per bucket.
with

buckets as (

    select * from {{ ref('ageing_buckets') }}

)

select
    buckets.ageing_bucket,
    cast(buckets.bucket_order as integer) as bucket_order,
    case
        when buckets.ageing_bucket not in ('undated', 'unallocated')
            then cast(coalesce(buckets.days_from, {{ first_age_day() }}) as integer)
    end as days_from,
    case
        when buckets.ageing_bucket not in ('undated', 'unallocated')
            then cast(coalesce(buckets.days_to, {{ last_age_day() }}) as integer)
    end as days_to

from buckets
