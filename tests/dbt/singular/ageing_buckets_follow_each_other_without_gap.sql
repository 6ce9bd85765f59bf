-- A day overdue that is in no bucket, or in two, would make the buckets differ from the balance.
with

dated as (

    select
        buckets.ageing_bucket,
        buckets.days_from,
        buckets.days_to,
        lag(buckets.days_to) over (order by buckets.bucket_order) as previous_days_to,
        lag(buckets.ageing_bucket) over (order by buckets.bucket_order) as previous_bucket,
        lead(buckets.ageing_bucket) over (order by buckets.bucket_order) as next_bucket
    from {{ ref('ageing_buckets') }} as buckets
    where buckets.ageing_bucket not in ('undated', 'unallocated')

),

kinds as (

    select
        count(*) filter (where buckets.ageing_bucket = 'undated') as undated_count,
        count(*) filter (where buckets.ageing_bucket = 'unallocated') as unallocated_count,
        count(*) filter (where buckets.days_to = 0) as due_edge_count
    from {{ ref('ageing_buckets') }} as buckets

)

select
    'seeds/ageing_buckets.csv: bucket ' || dated.ageing_bucket
    || ' does not begin the day after the one before it ends' as message
from dated
where
    (dated.previous_bucket is null) <> (dated.days_from is null)
    or (dated.next_bucket is null) <> (dated.days_to is null)
    or dated.days_from <> dated.previous_days_to + 1

union all

select
    'seeds/ageing_buckets.csv: the buckets undated and unallocated, and one that ends at 0 days, '
    || 'must each stand there once'
        as message
from kinds
where kinds.undated_count <> 1 or kinds.unallocated_count <> 1 or kinds.due_edge_count <> 1
