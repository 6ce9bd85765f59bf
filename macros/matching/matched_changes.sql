{#- What matches of a rule do to the balances of invoices: down on their day, up when they are
    released or their receipt bounces. -#}
{% macro matched_changes(relation) -%}
    select
        matches.invoice_item_key as item_key,
        matches.matched_on as change_date,
        cast(-matches.amount as decimal(18, 2)) as change_amount
    from {{ relation }} as matches
    where matches.issue_code is null

    union all

    select
        matches.invoice_item_key as item_key,
        least(matches.released_on, matches.reversed_on) as change_date,
        matches.amount as change_amount
    from {{ relation }} as matches
    where
        matches.issue_code is null
        and (matches.released_on is not null or matches.reversed_on is not null)
{%- endmacro %}
