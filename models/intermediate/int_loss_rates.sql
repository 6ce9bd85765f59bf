-- The part of each ageing bucket that is expected to be lost, at each month-end and at the as-of
-- date. By the variable `loss_rate_basis`, rates are those of the seed, or observed: what rolls on
-- from a bucket to the last one, month after month, over 12 months, times the seed's rate of that
-- one.
-- Grain: one row per month-end, entity (and the group) and ageing bucket.
-- depends_on: {{ ref('int_receivables_monthly') }}
-- depends_on: {{ ref('int_age_bands') }}
-- depends_on: {{ ref('int_bucket_flows') }}
with

month_ends as (

    select
        periods.period_start,
        periods.as_of_date,
        periods.opening_date
    from {{ ref('int_periods') }} as periods
    where periods.period_grain = 'month'

),

entities as (

    select
        slices.slice_id,
        slices.entity_code
    from {{ ref('int_slices') }} as slices
    where slices.segment_type = 'all'

),

seed_rates as (

    select
        loss_rates.ageing_bucket,
        loss_rates.loss_rate,
        loss_rates.valid_from,
        coalesce(
            lead(loss_rates.valid_from) over (
                partition by loss_rates.ageing_bucket order by loss_rates.valid_from
            ),
            date '9999-12-31'
        ) as valid_to
    from {{ ref('loss_rates') }} as loss_rates

),

entity_buckets as (

    select
        month_ends.period_start,
        month_ends.as_of_date,
        month_ends.opening_date,
        entities.slice_id,
        entities.entity_code,
        buckets.ageing_bucket,
        buckets.bucket_order,
        coalesce(seed_rates.loss_rate, 0) as seed_rate
    from month_ends
    cross join entities
    cross join {{ ref('ageing_buckets') }} as buckets
    left join seed_rates
        on
            buckets.ageing_bucket = seed_rates.ageing_bucket
            and month_ends.as_of_date >= seed_rates.valid_from
            and month_ends.as_of_date < seed_rates.valid_to

)
{%- if loss_rate_basis() == 'seed' %}

select
    entity_buckets.as_of_date,
    entity_buckets.entity_code,
    entity_buckets.ageing_bucket,
    cast(entity_buckets.seed_rate as decimal(18, 12)) as loss_rate

from entity_buckets
{%- else %},

dated as (

    select
        entity_buckets.*,
        max(entity_buckets.bucket_order) over () as last_bucket_order
    from entity_buckets
    where entity_buckets.ageing_bucket not in ('undated', 'unallocated')

),

openings as (

    select
        monthly.snapshot_date,
        monthly.slice_id,
        bands.ageing_bucket,
        sum(monthly.open_amount) as opening_amount
    from {{ ref('int_receivables_monthly') }} as monthly
    inner join {{ ref('int_age_bands') }} as bands on monthly.age_band = bands.age_band
    inner join entities on monthly.slice_id = entities.slice_id
    group by monthly.snapshot_date, monthly.slice_id, bands.ageing_bucket

),

months as (

    select
        dated.*,
        coalesce(openings.opening_amount, 0) as opening_amount,
        coalesce(flows.rolled_amount, 0) as rolled_amount
    from dated
    left join openings
        on
            dated.opening_date = openings.snapshot_date
            and dated.slice_id = openings.slice_id
            and dated.ageing_bucket = openings.ageing_bucket
    left join {{ ref('int_bucket_flows') }} as flows
        on
            flows.period_grain = 'month'
            and dated.period_start = flows.period_start
            and dated.slice_id = flows.slice_id
            and dated.ageing_bucket = flows.ageing_bucket

),

years as (

    select
        months.*,
        sum(months.opening_amount) over last_12_months as year_opening_amount,
        sum(months.rolled_amount) over last_12_months as year_rolled_amount
    from months
    window last_12_months as (
        partition by months.slice_id, months.ageing_bucket order by months.period_start
        rows between 11 preceding and current row
    )

),

-- Of a bucket that held nothing no one knows: all of it rolls on.
rolls as (

    select
        years.*,
        case
            when years.bucket_order = years.last_bucket_order then 1
            else
                greatest(0, least(1, coalesce({{ roll_rate(
                    'years.year_rolled_amount', 'years.year_opening_amount'
                ) }}, 1)))
        end as year_roll_rate
    from years

),

-- A product, as the exponential of a sum of logarithms, which zero has none of.
to_the_last as (

    select
        rolls.as_of_date,
        rolls.slice_id,
        rolls.ageing_bucket,
        case
            when min(rolls.year_roll_rate) over later_buckets > 0
                then
                    exp(sum(ln(case when rolls.year_roll_rate > 0 then rolls.year_roll_rate end))
                        over later_buckets)
            else 0
        end as roll_to_last_rate
    from rolls
    window later_buckets as (
        partition by rolls.as_of_date, rolls.slice_id order by rolls.bucket_order desc
        rows between unbounded preceding and current row
    )

),

last_rates as (

    select
        dated.as_of_date,
        dated.slice_id,
        dated.seed_rate
    from dated
    where dated.bucket_order = dated.last_bucket_order

)

select
    entity_buckets.as_of_date,
    entity_buckets.entity_code,
    entity_buckets.ageing_bucket,
    cast(
        coalesce(to_the_last.roll_to_last_rate * last_rates.seed_rate, entity_buckets.seed_rate)
        as decimal(18, 12)
    ) as loss_rate

from entity_buckets
inner join last_rates
    on
        entity_buckets.as_of_date = last_rates.as_of_date
        and entity_buckets.slice_id = last_rates.slice_id
left join to_the_last
    on
        entity_buckets.as_of_date = to_the_last.as_of_date
        and entity_buckets.slice_id = to_the_last.slice_id
        and entity_buckets.ageing_bucket = to_the_last.ageing_bucket
{%- endif %}
