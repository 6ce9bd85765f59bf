-- The credit limit and the insured limit of each customer at each month-end and at the as-of date,
-- in the reporting currency. Of several valid on a day the latest counts. An entity has its own,
-- else the common one; the group has the common one, else the sum of those of the entities.
-- Grain: one row per month-end and customer record with a limit or a cover.
{%- set amounts = {'credit_limits': 'limit_amount', 'credit_insurance': 'insured_limit_amount'} %}
{%- set quotas = {'credit_limits': '1', 'credit_insurance': 'coalesce(limits.quota_rate, 1)'} %}
with

records as (

    select * from {{ ref('int_customer_records') }}

),

month_ends as (

    select periods.as_of_date
    from {{ ref('int_periods') }} as periods
    where periods.period_grain = 'month'

),

limits as (

    {% for feed, amount in amounts.items() %}
    {{ 'union all' if not loop.first }}
    select
        '{{ amount }}' as measure,
        limits.entity_code,
        limits.customer_code,
        limits.valid_from,
        coalesce(limits.valid_to, date '9999-12-31') as valid_to,
        limits.{{ amount }} as amount,
        limits.currency_code,
        cast({{ quotas[feed] }} as decimal(18, 12)) as quota_rate
    from {{ ref('stg_' ~ feed) }} as limits
    {% endfor %}
),

in_force as (

    select
        limits.measure,
        month_ends.as_of_date,
        limits.entity_code,
        limits.customer_code,
        limits.valid_from,
        {{ convert('limits.amount', 'factors.factor') }} as amount,
        limits.quota_rate
    from limits
    inner join month_ends
        on month_ends.as_of_date between limits.valid_from and limits.valid_to
    inner join {{ ref('int_fx_factors') }} as factors
        on
            month_ends.as_of_date = factors.calendar_date
            and limits.currency_code = factors.currency_code

),

latest as (

    select
        in_force.measure,
        in_force.as_of_date,
        in_force.entity_code,
        in_force.customer_code,
        max_by(in_force.amount, in_force.valid_from) as amount,
        max_by(in_force.quota_rate, in_force.valid_from) as quota_rate
    from in_force
    group by in_force.measure, in_force.as_of_date, in_force.entity_code, in_force.customer_code

),

-- Covers of several entities pay together what each would pay of its part.
added_up as (

    select
        latest.measure,
        latest.as_of_date,
        latest.customer_code,
        {{ money('sum(latest.amount)') }} as amount,
        case
            when min(latest.quota_rate) = max(latest.quota_rate) then max(latest.quota_rate)
            else
                cast(coalesce({{ safe_divide(
                    'sum(latest.amount * latest.quota_rate)', 'sum(latest.amount)'
                ) }}, 0) as decimal(18, 12))
        end as quota_rate
    from latest
    where latest.entity_code is not null
    group by latest.measure, latest.as_of_date, latest.customer_code

),

candidates as (

    select
        records.record_id,
        latest.as_of_date,
        latest.measure,
        1 as preference,
        latest.amount,
        latest.quota_rate
    from latest
    inner join records
        on
            latest.entity_code = records.entity_code
            and latest.customer_code = records.customer_code
            and latest.as_of_date >= records.first_booking_date
            and latest.as_of_date >= records.valid_from
            and latest.as_of_date < records.valid_to

    union all

    select
        records.record_id,
        latest.as_of_date,
        latest.measure,
        2 as preference,
        latest.amount,
        latest.quota_rate
    from latest
    inner join records
        on
            latest.customer_code = records.customer_code
            and latest.as_of_date >= records.first_booking_date
            and latest.as_of_date >= records.valid_from
            and latest.as_of_date < records.valid_to
    where latest.entity_code is null

    union all

    select
        records.record_id,
        added_up.as_of_date,
        added_up.measure,
        3 as preference,
        added_up.amount,
        added_up.quota_rate
    from added_up
    inner join records
        on
            added_up.customer_code = records.customer_code
            and added_up.as_of_date >= records.first_booking_date
            and added_up.as_of_date >= records.valid_from
            and added_up.as_of_date < records.valid_to
    where records.entity_code = 'ALL'

)

select
    candidates.as_of_date,
    candidates.record_id,
    min_by(candidates.amount, candidates.preference)
    filter (where candidates.measure = 'limit_amount') as limit_amount,
    min_by(candidates.amount, candidates.preference)
    filter (where candidates.measure = 'insured_limit_amount') as insured_limit_amount,
    min_by(candidates.quota_rate, candidates.preference)
    filter (where candidates.measure = 'insured_limit_amount') as quota_rate

from candidates
group by candidates.as_of_date, candidates.record_id
