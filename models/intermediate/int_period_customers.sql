-- How many customers each slice has in each period. A customer has a balance when an item of the
-- slice is open at the as-of date; it is active then, or when an item of the slice moved. A code
-- that two entities use is one customer of the group. Insolvency and signature are those that the
-- record of the as-of date knows.
-- Grain: one row per period (month, quarter, year) and slice with an active customer.
with

run as (

    select * from {{ ref('int_run') }}

),

periods as (

    select periods.* from {{ ref('int_periods') }} as periods
    where periods.period_grain <> 'day'

),

balances as (

    select
        items.as_of_date,
        items.dimension_set_id,
        max(items.days_overdue) filter (where items.open_amount > 0) as max_days_overdue
    from {{ ref('int_items_month_end') }} as items
    where items.open_amount <> 0
    group by items.as_of_date, items.dimension_set_id

),

moved_months as (

    select distinct
        {{ period_start('month', 'movements.movement_date') }} as month_start,
        movements.dimension_set_id
    from {{ ref('int_receivable_movements') }} as movements
    cross join run
    where movements.movement_date <= run.as_of_date

),

activity as (

    select
        periods.period_grain,
        periods.period_start,
        balances.dimension_set_id,
        1 as has_balance,
        case when balances.max_days_overdue > 90 then 1 else 0 end as is_over_90
    from balances
    inner join periods on balances.as_of_date = periods.as_of_date
    {% for grain in ['month', 'quarter', 'year'] %}
    union all

    select distinct
        '{{ grain }}' as period_grain,
        {{ period_start(grain, 'moved_months.month_start') }} as period_start,
        moved_months.dimension_set_id,
        0 as has_balance,
        0 as is_over_90
    from moved_months
    {% endfor %}
),

customers as (

    select
        dimension_sets.dimension_set_id,
        dimension_sets.customer_code,
        customers.valid_from,
        customers.valid_to,
        coalesce(customers.is_insolvent, false) as is_insolvent,
        customers.terms_signed_on
    from {{ ref('int_dimension_sets') }} as dimension_sets
    inner join {{ ref('int_customer_history') }} as customers
        on
            dimension_sets.entity_code = customers.entity_code
            and dimension_sets.customer_code = customers.customer_code

),

slice_customers as (

    select
        activity.period_grain,
        activity.period_start,
        slices.slice_id,
        customers.customer_code,
        max(activity.has_balance) as has_balance,
        max(
            case
                when customers.is_insolvent then activity.has_balance else activity.is_over_90
            end
        ) as is_default,
        max(case when customers.terms_signed_on <= periods.as_of_date then 1 else 0 end)
            as has_signed
    from activity
    inner join periods
        on
            activity.period_grain = periods.period_grain
            and activity.period_start = periods.period_start
    inner join customers
        on
            activity.dimension_set_id = customers.dimension_set_id
            and periods.as_of_date >= customers.valid_from
            and periods.as_of_date < customers.valid_to
    inner join {{ ref('int_dimension_set_slices') }} as slices
        on activity.dimension_set_id = slices.dimension_set_id
    group by
        activity.period_grain, activity.period_start, slices.slice_id, customers.customer_code

)

select
    slice_customers.period_grain,
    slice_customers.period_start,
    slice_customers.slice_id,
    count(*) as active_customer_count,
    cast(sum(slice_customers.has_balance) as bigint) as customer_with_balance_count,
    cast(sum(slice_customers.is_default) as bigint) as default_customer_count,
    cast(sum(slice_customers.has_signed) as bigint) as signed_customer_count

from slice_customers
group by slice_customers.period_grain, slice_customers.period_start, slice_customers.slice_id
