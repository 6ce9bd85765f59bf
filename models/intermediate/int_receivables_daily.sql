-- Balance of every day by slice and age band, converted at the rate of the day. Slices of single
-- customers are left out: they are measured at month-ends.
-- Grain: one row per day, slice and age band in which something is open.
{%- set amounts = ['open_change', 'factored_change', 'disputed_change', 'theoretical_change'] %}
with

run as (

    select * from {{ ref('int_run') }}

),

entity_changes as (

    select
        changes.change_date,
        slices.slice_id,
        slices.group_slice_id,
        changes.currency_code,
        changes.age_band,
        {% for amount in amounts %}
        cast(sum(changes.{{ amount }}) as decimal(18, 2)) as {{ amount }},
        {% endfor %}
        cast(sum(changes.item_change) as bigint) as item_change
    from {{ ref('int_receivable_changes') }} as changes
    inner join {{ ref('int_segment_set_slices') }} as slices
        on changes.segment_set_id = slices.segment_set_id
    group by
        changes.change_date, slices.slice_id, slices.group_slice_id, changes.currency_code,
        changes.age_band

),

changes as (

    select
        entity_changes.change_date,
        entity_changes.slice_id,
        entity_changes.currency_code,
        entity_changes.age_band,
        {% for amount in amounts %}
        entity_changes.{{ amount }},
        {% endfor %}
        entity_changes.item_change
    from entity_changes

    union all

    select
        entity_changes.change_date,
        entity_changes.group_slice_id as slice_id,
        entity_changes.currency_code,
        entity_changes.age_band,
        {% for amount in amounts %}
        cast(sum(entity_changes.{{ amount }}) as decimal(18, 2)) as {{ amount }},
        {% endfor %}
        cast(sum(entity_changes.item_change) as bigint) as item_change
    from entity_changes
    group by
        entity_changes.change_date, entity_changes.group_slice_id,
        entity_changes.currency_code, entity_changes.age_band

),

balances as (

    select
        changes.slice_id,
        changes.currency_code,
        changes.age_band,
        changes.change_date as valid_from,
        coalesce({{ add_days('lead(changes.change_date) over series_days', -1) }}, run.as_of_date)
            as last_date,
        sum(changes.open_change) over series_days as open_amount,
        sum(changes.factored_change) over series_days as factored_amount,
        sum(changes.item_change) over series_days as item_count,
        sum(changes.disputed_change) over series_days as disputed_amount,
        sum(changes.theoretical_change) over series_days as theoretical_amount
    from changes
    cross join run
    window series_days as (
        partition by changes.slice_id, changes.currency_code, changes.age_band
        order by changes.change_date
        rows between unbounded preceding and current row
    )

),

open_balances as (

    select balances.* from balances
    where
        balances.open_amount <> 0 or balances.item_count <> 0 or balances.theoretical_amount <> 0
        or balances.disputed_amount <> 0 or balances.factored_amount <> 0

),

days as (

    {{ each_day('open_balances', 'valid_from', 'last_date') }}

),

converted as (

    select
        days.each_date as snapshot_date,
        days.slice_id,
        days.age_band,
        days.item_count,
        {{ convert('days.open_amount', 'factors.factor') }} as open_amount,
        {{ convert('days.factored_amount', 'factors.factor') }} as factored_amount,
        {{ convert('days.disputed_amount', 'factors.factor') }} as disputed_amount,
        {{ convert('days.theoretical_amount', 'factors.factor') }} as theoretical_amount
    from days
    inner join {{ ref('int_fx_factors') }} as factors
        on
            days.each_date = factors.calendar_date
            and days.currency_code = factors.currency_code

)

select
    converted.snapshot_date,
    converted.slice_id,
    converted.age_band,
    {{ money('sum(converted.open_amount)') }} as open_amount,
    {{ money('sum(converted.factored_amount)') }} as factored_amount,
    cast(sum(converted.item_count) as bigint) as item_count,
    {{ money('sum(converted.disputed_amount)') }} as disputed_amount,
    {{ money('sum(converted.theoretical_amount)') }} as theoretical_amount

from converted
group by converted.snapshot_date, converted.slice_id, converted.age_band
