-- Which slices each customer record counts in, by every segment type in use. Not those of
-- int_slices: an invoice may carry another business unit or salesperson than its customer. A record
-- counts from the first document of its customer on, and from its own first day.
-- Grain: one row per customer record and slice.
with

records as (

    select * from {{ ref('int_customer_records') }}

),

segments as (

    select
        records.record_id,
        records.entity_code,
        'all' as segment_type,
        'ALL' as segment_code,
        greatest(records.first_booking_date, records.valid_from) as first_booking_date
    from records
    {% for segment_type in var('segment_types') %}
    union all

    select
        records.record_id,
        records.entity_code,
        '{{ segment_type }}' as segment_type,
        records.{{ segment_type }} as segment_code,
        greatest(records.first_booking_date, records.valid_from) as first_booking_date
    from records
    {% endfor %}
)

select
    segments.record_id,
    dense_rank() over (
        order by segments.entity_code, segments.segment_type, segments.segment_code
    ) as slice_id,
    segments.entity_code,
    segments.segment_type,
    segments.segment_code,
    segments.first_booking_date

from segments
