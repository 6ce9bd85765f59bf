{#- Matches cut into the pieces that last as long: where the books or a stronger rule later leave an
    invoice less than a match holds, the match gives way on that day, by that much.

    `matches` has receipt_item_key, invoice_item_key, matched_on, amount, floor_amount (what others
    hold of the invoice before it), lowest_balance (the least that the balance comes to) and ends_on
    (a day on which all of it gives way, if any); `balances` is made by balance_intervals. Gives the
    same with a row per piece, and released_on: the day on which it gives way, NULL while it stands. -#}
{% macro released_pieces(matches, balances) -%}
    select
        pieces.receipt_item_key,
        pieces.invoice_item_key,
        pieces.matched_on,
        cast(sum(pieces.amount) as decimal(18, 2)) as amount,
        pieces.released_on
    from (
        select
            lowered.receipt_item_key,
            lowered.invoice_item_key,
            lowered.matched_on,
            cast(lowered.upper_amount - lowered.lower_amount as decimal(18, 2)) as amount,
            least(lowered.lowered_on, lowered.ends_on) as released_on
        from (
            select
                pressed.receipt_item_key,
                pressed.invoice_item_key,
                pressed.matched_on,
                pressed.ends_on,
                lows.valid_from as lowered_on,
                greatest(pressed.floor_amount, lows.balance) as lower_amount,
                least(
                    pressed.floor_amount + pressed.amount,
                    min(lows.balance) over (
                        partition by pressed.receipt_item_key, pressed.invoice_item_key
                        order by lows.valid_from
                        rows between unbounded preceding and 1 preceding
                    )
                ) as upper_amount
            from {{ matches }} as pressed
            inner join {{ balances }} as lows
                on
                    pressed.invoice_item_key = lows.item_key
                    and pressed.matched_on < lows.valid_from
            where pressed.lowest_balance < pressed.floor_amount + pressed.amount
        ) as lowered
        where lowered.upper_amount > lowered.lower_amount

        union all

        select
            standing.receipt_item_key,
            standing.invoice_item_key,
            standing.matched_on,
            cast(
                least(standing.floor_amount + standing.amount, standing.lowest_balance)
                - standing.floor_amount as decimal(18, 2)
            ) as amount,
            standing.ends_on as released_on
        from {{ matches }} as standing
        where least(standing.floor_amount + standing.amount, standing.lowest_balance) > standing.floor_amount
    ) as pieces
    group by
        pieces.receipt_item_key, pieces.invoice_item_key, pieces.matched_on, pieces.released_on
{%- endmacro %}
