-- How long each state of an item stays in an age band. A state enters the band of its day and,
-- while it lasts, rolls on through the later bands on days that are known beforehand; no day is
-- joined to the open items. Amounts in document currency. In the order of the days of entry, so
-- that what is added up by day lies close together.
-- Grain: one row per age band and state of an item that is open or not yet due; no key.
with

bands as (

    select * from {{ ref('int_age_bands') }}

),

segment_sets as (

    select
        dimension_sets.dimension_set_id,
        dimension_sets.segment_set_id
    from {{ ref('int_dimension_sets') }} as dimension_sets

),

states as (

    select
        history.valid_from,
        history.valid_to,
        history.item_side,
        history.due_date,
        segment_sets.segment_set_id,
        history.currency_code,
        history.signed_amount,
        history.open_amount,
        case when history.is_factored then history.open_amount else 0 end as factored_amount,
        case when history.open_amount <> 0 then 1 else 0 end as item_count,
        history.disputed_amount
    from {{ ref('int_item_history') }} as history
    inner join segment_sets on history.dimension_set_id = segment_sets.dimension_set_id

),

-- Up to its due date, a debit item is what would be open if everyone paid on that day: it stays in
-- a band that is not due, paid or not.
aged as (

    select
        greatest(states.valid_from, {{ add_days('states.due_date', 'bands.days_from') }})
            as entered_on,
        least(states.valid_to, {{ add_days('states.due_date', 'bands.days_to + 1') }}) as left_on,
        states.segment_set_id,
        states.currency_code,
        bands.age_band,
        states.open_amount,
        states.factored_amount,
        states.item_count,
        states.disputed_amount,
        case when bands.days_to <= 0 then states.signed_amount else 0 end as theoretical_amount
    from states
    inner join bands
        on
            {{ days_between('states.due_date', 'states.valid_from') }} <= bands.days_to
            and {{ days_between('states.due_date', 'states.valid_to') }} > bands.days_from
            and (states.open_amount <> 0 or bands.days_to <= 0)
    where states.item_side = 'debit' and states.due_date is not null

),

placed as (

    select aged.* from aged

    union all

    select
        states.valid_from as entered_on,
        states.valid_to as left_on,
        states.segment_set_id,
        states.currency_code,
        case states.item_side
            when 'debit' then {{ undated_band() }} else {{ unallocated_band() }}
        end as age_band,
        states.open_amount,
        states.factored_amount,
        states.item_count,
        states.disputed_amount,
        0 as theoretical_amount
    from states
    where (states.item_side = 'credit' or states.due_date is null) and states.open_amount <> 0

)

select placed.* from placed
order by placed.entered_on
