-- Open invoices, debit notes and opening items at each month-end, and at the as-of date, by the
-- highest dunning level that they have reached, and what of them is overdue and was chased.
-- Sums are converted, not items: so many equal roundings never add up.
-- Grain: one row per month-end, slice and level in which something is open.
with

items as (

    select
        items.as_of_date,
        items.dimension_set_id,
        items.currency_code,
        items.open_amount,
        case
            when
                items.days_overdue > 0 and dunning.first_done_overdue_on <= items.as_of_date
                then items.open_amount
            else 0
        end as chased_overdue_amount,
        case
            {%- for level in range(5, 0, -1) %}
            when dunning.level_{{ level }}_on <= items.as_of_date then {{ level }}
            {%- endfor %}
            else 0
        end as level_order
    from {{ ref('int_items_month_end') }} as items
    left join {{ ref('int_item_dunning') }} as dunning on items.item_key = dunning.item_key
    where items.item_side = 'debit' and items.open_amount <> 0

),

set_balances as (

    select
        items.as_of_date,
        items.dimension_set_id,
        items.currency_code,
        items.level_order,
        sum(items.open_amount) as open_amount,
        sum(items.chased_overdue_amount) as chased_overdue_amount,
        count(*) as item_count
    from items
    group by items.as_of_date, items.dimension_set_id, items.currency_code, items.level_order

),

balances as (

    {{ add_up_to_slices(
        'set_balances', ['as_of_date', 'currency_code', 'level_order'],
        amounts=['open_amount', 'chased_overdue_amount'], counts=['item_count']
    ) }}

)

select
    balances.as_of_date,
    balances.slice_id,
    balances.level_order,
    {%- for amount in ['open_amount', 'chased_overdue_amount'] %}
    {{ money('sum(' ~ convert('balances.' ~ amount, 'factors.factor') ~ ')') }} as {{ amount }},
    {%- endfor %}
    cast(sum(balances.item_count) as bigint) as item_count

from balances
inner join {{ ref('int_fx_factors') }} as factors
    on
        balances.as_of_date = factors.calendar_date
        and balances.currency_code = factors.currency_code
group by balances.as_of_date, balances.slice_id, balances.level_order
