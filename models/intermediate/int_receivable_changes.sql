-- What changes in each age band on each day. A change of an item enters the band of its day and
-- rolls on through the later bands on days that are known beforehand, so no day is joined to the
-- open items.
-- Grain: one row per day, dimension set, currency and age band.
with

run as (

    select * from {{ ref('int_run') }}

),

bands as (

    select * from {{ ref('int_age_bands') }}

),

item_changes as (

    select
        history.valid_from as change_date,
        history.item_side,
        history.due_date,
        history.dimension_set_id,
        history.currency_code,
        history.is_factored,
        history.open_amount - history.previous_open_amount as open_change,
        case when history.open_amount <> 0 then 1 else 0 end
        - case when history.previous_open_amount <> 0 then 1 else 0 end as item_change,
        history.disputed_amount - history.previous_disputed_amount as disputed_change,
        -- What would be open if everyone paid on the due date: the whole document, once.
        case
            when history.valid_from = history.booking_date and history.item_side = 'debit'
                then history.signed_amount
            else 0
        end as theoretical_change
    from {{ ref('int_item_history') }} as history

),

changes as (

    select
        item_changes.change_date,
        item_changes.item_side,
        item_changes.due_date,
        item_changes.dimension_set_id,
        item_changes.currency_code,
        sum(item_changes.open_change) as open_change,
        coalesce(sum(item_changes.open_change) filter (where item_changes.is_factored), 0)
            as factored_change,
        sum(item_changes.item_change) as item_change,
        sum(item_changes.disputed_change) as disputed_change,
        sum(item_changes.theoretical_change) as theoretical_change
    from item_changes
    where
        item_changes.open_change <> 0 or item_changes.disputed_change <> 0
        or item_changes.theoretical_change <> 0
    group by
        item_changes.change_date, item_changes.item_side, item_changes.due_date,
        item_changes.dimension_set_id, item_changes.currency_code

),

dated as (

    select
        changes.*,
        {{ days_between('changes.due_date', 'changes.change_date') }} as days_overdue
    from changes
    where changes.item_side = 'debit' and changes.due_date is not null

),

entering as (

    select
        case
            when dated.days_overdue >= bands.days_from then dated.change_date
            else {{ add_days('dated.due_date', 'bands.days_from') }}
        end as change_date,
        dated.dimension_set_id,
        dated.currency_code,
        bands.age_band,
        dated.open_change,
        dated.factored_change,
        dated.item_change,
        dated.disputed_change,
        case when bands.days_to <= 0 then dated.theoretical_change else 0 end as theoretical_change
    from dated
    inner join bands on dated.days_overdue <= bands.days_to

),

leaving as (

    select
        {{ add_days('dated.due_date', 'bands.days_to + 1') }} as change_date,
        dated.dimension_set_id,
        dated.currency_code,
        bands.age_band,
        -dated.open_change as open_change,
        -dated.factored_change as factored_change,
        -dated.item_change as item_change,
        -dated.disputed_change as disputed_change,
        case when bands.days_to <= 0 then -dated.theoretical_change else 0 end as theoretical_change
    from dated
    inner join bands
        on dated.days_overdue <= bands.days_to and bands.days_to <> {{ last_age_day() }}

),

staying as (

    select
        changes.change_date,
        changes.dimension_set_id,
        changes.currency_code,
        case changes.item_side
            when 'debit' then {{ undated_band() }} else {{ unallocated_band() }}
        end as age_band,
        changes.open_change,
        changes.factored_change,
        changes.item_change,
        changes.disputed_change,
        0 as theoretical_change
    from changes
    where changes.item_side = 'credit' or changes.due_date is null

),

rolled as (

    select * from entering
    union all
    select * from leaving
    union all
    select * from staying

)

select
    rolled.change_date,
    rolled.dimension_set_id,
    rolled.currency_code,
    rolled.age_band,
    cast(sum(rolled.open_change) as decimal(18, 2)) as open_change,
    cast(sum(rolled.factored_change) as decimal(18, 2)) as factored_change,
    cast(sum(rolled.item_change) as bigint) as item_change,
    cast(sum(rolled.disputed_change) as decimal(18, 2)) as disputed_change,
    cast(sum(rolled.theoretical_change) as decimal(18, 2)) as theoretical_change

from rolled
cross join run
where rolled.change_date <= run.as_of_date
group by rolled.change_date, rolled.dimension_set_id, rolled.currency_code, rolled.age_band
having
    sum(rolled.open_change) <> 0 or sum(rolled.factored_change) <> 0
    or sum(rolled.item_change) <> 0 or sum(rolled.disputed_change) <> 0
    or sum(rolled.theoretical_change) <> 0
