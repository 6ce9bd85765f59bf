-- What customers that are doubtful or insolvent at a month-end, or at the as-of date, owe then,
-- credits included. In the reporting currency; sums are converted, not items.
-- Grain: one row per month-end and slice in which such a customer has an open item.
with

doubtful_sets as (

    select
        dimension_sets.dimension_set_id,
        customers.valid_from,
        customers.valid_to
    from {{ ref('int_dimension_sets') }} as dimension_sets
    inner join {{ ref('int_customer_history') }} as customers
        on
            dimension_sets.entity_code = customers.entity_code
            and dimension_sets.customer_code = customers.customer_code
    where customers.is_doubtful or customers.is_insolvent

),

items as (

    select
        items.as_of_date,
        items.dimension_set_id,
        items.currency_code,
        sum(items.open_amount) as open_amount
    from {{ ref('int_items_month_end') }} as items
    inner join doubtful_sets
        on
            items.dimension_set_id = doubtful_sets.dimension_set_id
            and items.as_of_date >= doubtful_sets.valid_from
            and items.as_of_date < doubtful_sets.valid_to
    where items.open_amount <> 0
    group by items.as_of_date, items.dimension_set_id, items.currency_code

),

balances as (

    select
        items.as_of_date,
        slices.slice_id,
        items.currency_code,
        sum(items.open_amount) as open_amount
    from items
    inner join {{ ref('int_dimension_set_slices') }} as slices
        on items.dimension_set_id = slices.dimension_set_id
    group by items.as_of_date, slices.slice_id, items.currency_code

),

converted as (

    select
        balances.as_of_date,
        balances.slice_id,
        {{ convert('balances.open_amount', 'factors.factor') }} as doubtful_amount
    from balances
    inner join {{ ref('int_fx_factors') }} as factors
        on
            balances.as_of_date = factors.calendar_date
            and balances.currency_code = factors.currency_code

)

select
    converted.as_of_date,
    converted.slice_id,
    {{ money('sum(converted.doubtful_amount)') }} as doubtful_amount

from converted
group by converted.as_of_date, converted.slice_id
