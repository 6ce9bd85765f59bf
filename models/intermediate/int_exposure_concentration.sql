-- How much of what is owed the largest customers owe, at each month-end and at the as-of date.
-- Only customers that owe something count.
-- Grain: one row per month-end and slice of customer records in which a customer owes something.
with

debtors as (

    select
        exposures.as_of_date,
        slices.slice_id,
        slices.segment_type,
        exposures.receivables_amount
    from {{ ref('int_customer_exposure') }} as exposures
    inner join {{ ref('int_record_slices') }} as slices
        on exposures.record_id = slices.record_id
    where exposures.receivables_amount > 0

),

totals as (

    select
        classes.as_of_date,
        classes.slice_id,
        sum(classes.positive_receivables_amount) as positive_receivables_amount
    from {{ ref('int_exposure_classes') }} as classes
    where classes.segment_type <> 'customer'
    group by classes.as_of_date, classes.slice_id

),

ranked as (

    select
        debtors.as_of_date,
        debtors.slice_id,
        debtors.receivables_amount,
        row_number() over (
            partition by debtors.as_of_date, debtors.slice_id
            order by debtors.receivables_amount desc
        ) as debtor_rank
    from debtors
    where debtors.segment_type <> 'customer'

),

largest as (

    select
        ranked.as_of_date,
        ranked.slice_id,
        sum(ranked.receivables_amount) as top_10_amount
    from ranked
    where ranked.debtor_rank <= 10
    group by ranked.as_of_date, ranked.slice_id

),

spread as (

    select
        debtors.as_of_date,
        debtors.slice_id,
        {{ herfindahl_index('debtors.receivables_amount', 'totals.positive_receivables_amount') }}
            as herfindahl_index
    from debtors
    inner join totals
        on debtors.as_of_date = totals.as_of_date and debtors.slice_id = totals.slice_id
    where debtors.segment_type <> 'customer'
    group by debtors.as_of_date, debtors.slice_id

)

select
    largest.as_of_date,
    largest.slice_id,
    {{ money('largest.top_10_amount') }} as top_10_amount,
    spread.herfindahl_index
from largest
inner join spread
    on largest.as_of_date = spread.as_of_date and largest.slice_id = spread.slice_id

union all

-- A single customer is all of its slice.
select
    debtors.as_of_date,
    debtors.slice_id,
    debtors.receivables_amount as top_10_amount,
    cast(1 as double) as herfindahl_index
from debtors
where debtors.segment_type = 'customer'
