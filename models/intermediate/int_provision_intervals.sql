-- Provisions in stock, each until the next one of its customer, by the dimension set that is the
-- customer's own: that of a document which names neither business unit nor salesperson. They count
-- from the first document of the customer in the entity on.
-- Grain: one row per dimension set and interval with a provision; `valid_to` is excluded.
with

sets as (

    select history.* from {{ ref('int_dimension_set_history') }} as history
    where history.own_business_unit = '' and history.own_salesperson_code = ''

),

customers as (

    select
        items.entity_code,
        items.customer_code,
        min(items.booking_date) as first_booking_date
    from {{ ref('int_receivable_items') }} as items
    group by items.entity_code, items.customer_code

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

intervals as (

    select
        sets.dimension_set_id,
        greatest(stocks.valid_from, sets.valid_from, customers.first_booking_date) as valid_from,
        least(stocks.valid_to, sets.valid_to) as valid_to,
        stocks.provision_amount
    from stocks
    inner join customers
        on
            stocks.entity_code = customers.entity_code
            and stocks.customer_code = customers.customer_code
    inner join sets
        on stocks.entity_code = sets.entity_code and stocks.customer_code = sets.customer_code

)

select intervals.* from intervals
where intervals.valid_from < intervals.valid_to and intervals.provision_amount <> 0
