-- Balance of every day by slice and age band, converted at the rate of the day. Slices of single
-- customers are left out: they are measured at month-ends.
-- Grain: one row per day, slice and age band in which something is open.
{%- set measures = {
    'open_amount': 'decimal(18, 2)', 'factored_amount': 'decimal(18, 2)', 'item_count': 'bigint',
    'disputed_amount': 'decimal(18, 2)', 'theoretical_amount': 'decimal(18, 2)'
} %}
with

run as (

    select * from {{ ref('int_run') }}

),

stays as (

    select * from {{ ref('int_band_stays') }}

),

stay_changes as (

    select
        stays.entered_on as change_date,
        stays.segment_set_id,
        stays.currency_code,
        {% for measure in measures %}
        stays.{{ measure }},
        {% endfor %}
        stays.age_band
    from stays
    cross join run
    where stays.entered_on <= run.as_of_date

    union all

    select
        stays.left_on as change_date,
        stays.segment_set_id,
        stays.currency_code,
        {% for measure in measures %}
        -stays.{{ measure }} as {{ measure }},
        {% endfor %}
        stays.age_band
    from stays
    cross join run
    where stays.left_on <= run.as_of_date

),

entity_changes as (

    select
        stay_changes.change_date,
        slices.slice_id,
        slices.group_slice_id,
        stay_changes.currency_code,
        {% for measure, data_type in measures.items() %}
        cast(sum(stay_changes.{{ measure }}) as {{ data_type }}) as {{ measure }},
        {% endfor %}
        stay_changes.age_band
    from stay_changes
    inner join {{ ref('int_segment_set_slices') }} as slices
        on stay_changes.segment_set_id = slices.segment_set_id
    group by
        stay_changes.change_date, slices.slice_id, slices.group_slice_id,
        stay_changes.currency_code, stay_changes.age_band

),

changes as (

    select
        entity_changes.change_date,
        entity_changes.slice_id,
        entity_changes.currency_code,
        {% for measure in measures %}
        entity_changes.{{ measure }},
        {% endfor %}
        entity_changes.age_band
    from entity_changes

    union all

    select
        entity_changes.change_date,
        entity_changes.group_slice_id as slice_id,
        entity_changes.currency_code,
        {% for measure, data_type in measures.items() %}
        cast(sum(entity_changes.{{ measure }}) as {{ data_type }}) as {{ measure }},
        {% endfor %}
        entity_changes.age_band
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
        {% for measure, data_type in measures.items() %}
        cast(sum(changes.{{ measure }}) over series_days as {{ data_type }}) as {{ measure }},
        {% endfor %}
        changes.change_date as valid_from,
        coalesce({{ add_days('lead(changes.change_date) over series_days', -1) }}, run.as_of_date)
            as last_date
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
