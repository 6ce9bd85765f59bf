{#- Balances through time from signed changes. `relation` has item_key, change_date and
    change_amount. Gives item_key, valid_from, valid_to (excluded), change_amount, balance, and
    lowest_balance: the least that the item comes to from valid_from on. -#}
{% macro balance_intervals(relation) -%}
    select
        cumulated.item_key,
        cumulated.valid_from,
        cumulated.valid_to,
        cumulated.change_amount,
        cumulated.balance,
        min(cumulated.balance) over (
            partition by cumulated.item_key order by cumulated.valid_from
            rows between current row and unbounded following
        ) as lowest_balance
    from (
        select
            daily.item_key,
            daily.change_date as valid_from,
            coalesce(
                lead(daily.change_date) over (partition by daily.item_key order by daily.change_date),
                date '9999-12-31'
            ) as valid_to,
            daily.change_amount,
            cast(
                sum(daily.change_amount) over (
                    partition by daily.item_key order by daily.change_date
                    rows between unbounded preceding and current row
                ) as decimal(18, 2)
            ) as balance
        from (
            select
                changes.item_key,
                changes.change_date,
                cast(sum(changes.change_amount) as decimal(18, 2)) as change_amount
            from {{ relation }} as changes
            group by changes.item_key, changes.change_date
            having sum(changes.change_amount) <> 0
        ) as daily
    ) as cumulated
{%- endmacro %}
