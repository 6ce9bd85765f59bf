-- Provisions in stock at each month-end and at the as-of date: the last one of each customer. Each
-- is in the segments of the record of its entity, in the group too, so that entities add up to it.
-- In the reporting currency.
-- Grain: one row per month-end and slice with a provision.
with

month_ends as (

    select periods.as_of_date
    from {{ ref('int_periods') }} as periods
    where periods.period_grain = 'month'

),

stocks as (

    select
        provisions.entity_code,
        provisions.customer_code,
        provisions.provision_amount,
        provisions.provision_date as valid_from,
        coalesce(
            lead(provisions.provision_date) over (
                partition by provisions.entity_code, provisions.customer_code
                order by provisions.provision_date
            ),
            date '9999-12-31'
        ) as valid_to
    from {{ ref('stg_provisions') }} as provisions

),

entity_stocks as (

    select
        month_ends.as_of_date,
        record_slices.entity_code,
        record_slices.segment_type,
        record_slices.segment_code,
        sum(stocks.provision_amount) as provision_amount
    from stocks
    inner join month_ends
        on stocks.valid_from <= month_ends.as_of_date and stocks.valid_to > month_ends.as_of_date
    inner join {{ ref('int_customer_records') }} as records
        on
            stocks.entity_code = records.entity_code
            and stocks.customer_code = records.customer_code
            and month_ends.as_of_date >= records.first_booking_date
            and month_ends.as_of_date >= records.valid_from
            and month_ends.as_of_date < records.valid_to
    inner join {{ ref('int_record_slices') }} as record_slices
        on records.record_id = record_slices.record_id
    group by
        month_ends.as_of_date, record_slices.entity_code, record_slices.segment_type,
        record_slices.segment_code

)

select
    entity_stocks.as_of_date,
    slices.slice_id,
    {{ money('sum(entity_stocks.provision_amount)') }} as provision_amount

from entity_stocks
inner join {{ ref('int_slices') }} as slices
    on
        slices.entity_code in (entity_stocks.entity_code, 'ALL')
        and entity_stocks.segment_type = slices.segment_type
        and entity_stocks.segment_code = slices.segment_code
group by entity_stocks.as_of_date, slices.slice_id
