-- Provisions in stock at each month-end and at the as-of date, in the segments of the record of the
-- customer in its entity, in the group too, so that entities add up to it. In the reporting
-- currency.
-- Grain: one row per month-end and slice with a provision.
with

month_ends as (

    select periods.as_of_date
    from {{ ref('int_periods') }} as periods
    where periods.period_grain = 'month'

)

select
    month_ends.as_of_date,
    slices.slice_id,
    {{ money('sum(provisions.provision_amount)') }} as provision_amount

from {{ ref('int_provision_intervals') }} as provisions
inner join month_ends
    on
        provisions.valid_from <= month_ends.as_of_date
        and provisions.valid_to > month_ends.as_of_date
inner join {{ ref('int_dimension_set_slices') }} as slices
    on provisions.dimension_set_id = slices.dimension_set_id
group by month_ends.as_of_date, slices.slice_id
