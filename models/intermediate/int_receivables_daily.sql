-- Balance of every day by slice and age band, converted at the rate of the day. Slices of single
-- customers are left out: they are measured at month-ends.
-- Grain: one row per day, slice and age band in which something is open.
with

run as (

    select * from {{ ref('int_run') }}

),

slices as (

    select * from {{ ref('int_slices') }}

),

set_slices as (

    select distinct
        dimension_sets.segment_set_id,
        set_slices.slice_id
    from {{ ref('int_dimension_set_slices') }} as set_slices
    inner join {{ ref('int_dimension_sets') }} as dimension_sets
        on set_slices.dimension_set_id = dimension_sets.dimension_set_id
    where set_slices.segment_type <> 'customer' and set_slices.entity_code <> 'ALL'

),

entity_changes as (

    select
        changes.change_date,
        set_slices.slice_id,
        changes.currency_code,
        changes.age_band,
        sum(changes.open_change) as open_change,
        sum(changes.factored_change) as factored_change,
        sum(changes.item_change) as item_change,
        sum(changes.disputed_change) as disputed_change,
        sum(changes.theoretical_change) as theoretical_change
    from {{ ref('int_receivable_changes') }} as changes
    inner join set_slices on changes.segment_set_id = set_slices.segment_set_id
    group by
        changes.change_date, set_slices.slice_id, changes.currency_code, changes.age_band

),

-- The group from its entities: a few rows instead of every change a second time.
group_changes as (

    select
        entity_changes.change_date,
        group_slices.slice_id,
        entity_changes.currency_code,
        entity_changes.age_band,
        sum(entity_changes.open_change) as open_change,
        sum(entity_changes.factored_change) as factored_change,
        sum(entity_changes.item_change) as item_change,
        sum(entity_changes.disputed_change) as disputed_change,
        sum(entity_changes.theoretical_change) as theoretical_change
    from entity_changes
    inner join slices as entity_slices on entity_changes.slice_id = entity_slices.slice_id
    inner join slices as group_slices
        on
            entity_slices.segment_type = group_slices.segment_type
            and entity_slices.segment_code = group_slices.segment_code
            and group_slices.entity_code = 'ALL'
    group by
        entity_changes.change_date, group_slices.slice_id, entity_changes.currency_code,
        entity_changes.age_band

),

changes as (

    select * from entity_changes
    union all
    select * from group_changes

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
