-- What is open document by document is what the buckets of the last day hold.
-- The tolerance is half a cent, and half a millionth per item: they are rounded one by one.
with

items as (

    select
        items.entity_code,
        items.ageing_bucket,
        sum(items.open_amount_reporting) as open_amount,
        count(*) as item_count
    from {{ ref('fct_open_items') }} as items
    group by items.entity_code, items.ageing_bucket

),

buckets as (

    select
        daily.entity_code,
        daily.ageing_bucket,
        daily.open_amount,
        daily.item_count
    from {{ ref('fct_receivables_daily') }} as daily
    inner join {{ ref('int_run') }} as run on daily.snapshot_date = run.as_of_date
    where daily.segment_type = 'all' and daily.entity_code <> 'ALL'

)

select
    'Entity ' || coalesce(items.entity_code, buckets.entity_code) || ', bucket '
    || coalesce(items.ageing_bucket, buckets.ageing_bucket) || ': the open items hold '
    || cast(coalesce(items.open_amount, 0) as varchar) || ', the bucket '
    || cast(coalesce(buckets.open_amount, 0) as varchar) as message
from items
full outer join buckets
    on
        items.entity_code = buckets.entity_code
        and items.ageing_bucket = buckets.ageing_bucket
where
    abs(coalesce(items.open_amount, 0) - coalesce(buckets.open_amount, 0))
    >= 0.005 + 0.0000005 * coalesce(items.item_count, 0)
    or coalesce(items.item_count, 0) <> coalesce(buckets.item_count, 0)
