-- The limits and covers that hold for each customer as a whole, through time: of several valid on a
-- day the latest, of its entity, else the common one, else, for the group, one per entity.
-- Grain: one row per customer record, limit or cover, and interval in which it holds; `valid_to` is
-- excluded.
{%- set amounts = {'credit_limits': 'limit_amount', 'credit_insurance': 'insured_limit_amount'} %}
{%- set quotas = {'credit_limits': '1', 'credit_insurance': 'coalesce(limits.quota_rate, 1)'} %}
with

records as (

    select * from {{ ref('int_customer_records') }}

),

limits as (

    {% for feed, amount in amounts.items() -%}
    {{ 'union all' if not loop.first }}
    select
        {{ record_key(feed, 'limits') }} as record_key,
        '{{ feed }}' as feed,
        limits.entity_code,
        limits.customer_code,
        limits.valid_from,
        coalesce(limits.valid_to, date '9999-12-31') as last_day,
        limits.currency_code,
        limits.{{ amount }} as amount,
        cast({{ quotas[feed] }} as decimal(18, 12)) as quota_rate
    from {{ ref('stg_' ~ feed) }} as limits
    {% endfor %}
),

candidates as (

    select
        records.record_id,
        limits.*,
        case
            when limits.entity_code = records.entity_code then 1
            when limits.entity_code is null then 2
            else 3
        end as preference
    from limits
    inner join records
        on
            limits.customer_code = records.customer_code
            and (
                limits.entity_code is null
                or limits.entity_code = records.entity_code
                or records.entity_code = 'ALL'
            )

),

days as (

    select
        candidates.record_id,
        candidates.feed,
        candidates.valid_from as first_day
    from candidates

    union distinct

    select
        candidates.record_id,
        candidates.feed,
        {{ add_days('candidates.last_day', 1) }} as first_day
    from candidates
    where candidates.last_day < date '9999-12-31'

),

-- On the days of a span the same limits are valid.
spans as (

    select
        days.record_id,
        days.feed,
        days.first_day as valid_from,
        coalesce(
            lead(days.first_day) over (
                partition by days.record_id, days.feed order by days.first_day
            ),
            date '9999-12-31'
        ) as valid_to
    from days

),

valid as (

    select
        spans.record_id,
        spans.feed,
        spans.valid_from,
        spans.valid_to,
        candidates.record_key,
        candidates.currency_code,
        candidates.amount,
        candidates.quota_rate,
        candidates.preference,
        min(candidates.preference) over (
            partition by spans.record_id, spans.feed, spans.valid_from
        ) as best_preference,
        row_number() over (
            partition by spans.record_id, spans.feed, spans.valid_from, candidates.entity_code
            order by candidates.valid_from desc
        ) as recency
    from spans
    inner join candidates
        on
            spans.record_id = candidates.record_id
            and spans.feed = candidates.feed
            and spans.valid_from >= candidates.valid_from
            and spans.valid_from <= candidates.last_day

)

select
    cast(valid.record_id as bigint) as record_id,
    valid.feed,
    valid.record_key,
    valid.valid_from,
    valid.valid_to,
    valid.currency_code,
    valid.amount,
    valid.quota_rate

from valid
where valid.preference = valid.best_preference and valid.recency = 1
