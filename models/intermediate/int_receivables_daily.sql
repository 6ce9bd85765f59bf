-- Balance of every day by slice and age band, converted at the rate of the day. Slices of single
-- customers are left out: they are measured at month-ends.
-- Grain: one row per day, slice and age band in which something is open.
{%- set measures = {
    'open_amount': 'decimal(18, 2)', 'factored_amount': 'decimal(18, 2)', 'item_count': 'bigint',
    'disputed_amount': 'decimal(18, 2)', 'theoretical_amount': 'decimal(18, 2)'
} %}
{%- set segment_types = ['all'] + var('segment_types') | reject('equalto', 'customer') | list %}
with

run as (

    select * from {{ ref('int_run') }}

),

factors as (

    select * from {{ ref('int_fx_factors') }}

),

-- A number for each currency: what is grouped by numbers is grouped faster than by texts.
currencies as (

    select
        factors.currency_code,
        cast(row_number() over (order by factors.currency_code) as integer) as currency_number
    from factors
    group by factors.currency_code

),

-- Each currency has a number; the left join lets DuckDB see that the stays are many.
stays as (

    select
        stays.*,
        currencies.currency_number
    from {{ ref('int_band_stays') }} as stays
    left join currencies on stays.currency_code = currencies.currency_code

),

segment_slices as (

    select * from {{ ref('int_segment_set_slices') }}

),

stay_changes as (

    select
        stays.entered_on as change_date,
        stays.segment_set_id,
        stays.currency_number,
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
        stays.currency_number,
        {% for measure in measures %}
        -stays.{{ measure }} as {{ measure }},
        {% endfor %}
        stays.age_band
    from stays
    cross join run
    where stays.left_on <= run.as_of_date

),

-- One segment type at a time: a set adds to one slice of each, and adding up to few slices is
-- several times as fast as joining the sets to the slices of all types.
entity_changes as (
    {% for segment_type in segment_types %}
    {{ 'union all' if not loop.first }}
    select
        stay_changes.change_date,
        segment_slices.slice_id,
        segment_slices.group_slice_id,
        stay_changes.currency_number,
        {% for measure, data_type in measures.items() %}
        cast(sum(stay_changes.{{ measure }}) as {{ data_type }}) as {{ measure }},
        {% endfor %}
        stay_changes.age_band
    from stay_changes
    inner join segment_slices
        on
            stay_changes.segment_set_id = segment_slices.segment_set_id
            and segment_slices.segment_type = '{{ segment_type }}'
    group by
        stay_changes.change_date, segment_slices.slice_id, segment_slices.group_slice_id,
        stay_changes.currency_number, stay_changes.age_band
    {% endfor %}
),

changes as (

    select
        entity_changes.change_date,
        entity_changes.slice_id,
        entity_changes.currency_number,
        {% for measure in measures %}
        entity_changes.{{ measure }},
        {% endfor %}
        entity_changes.age_band
    from entity_changes

    union all

    select
        entity_changes.change_date,
        entity_changes.group_slice_id as slice_id,
        entity_changes.currency_number,
        {% for measure, data_type in measures.items() %}
        cast(sum(entity_changes.{{ measure }}) as {{ data_type }}) as {{ measure }},
        {% endfor %}
        entity_changes.age_band
    from entity_changes
    group by
        entity_changes.change_date, entity_changes.group_slice_id,
        entity_changes.currency_number, entity_changes.age_band

),

balances as (

    select
        changes.slice_id,
        changes.currency_number,
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
        partition by changes.slice_id, changes.currency_number, changes.age_band
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
    inner join currencies on days.currency_number = currencies.currency_number
    inner join factors
        on
            days.each_date = factors.calendar_date
            and currencies.currency_code = factors.currency_code

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
