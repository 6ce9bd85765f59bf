-- The French statement of late payment, art. D.441-6 I 2° Code de commerce: invoices issued, unpaid
-- at the end of the year and past their term, by tranche of delay. Disputed invoices are left out
-- and disclosed. Amounts in the reporting currency; balances at the rate of the closing day.
-- Grain: one row per entity, fiscal year and tranche; tranches without invoices have zeros.
{%- set excluded = 'excluded_disputed' %}
{%- set tranches = [
    ('0_days', '0 jour (indicatif)', '0 days (indicative)'),
    ('1_30', '1 à 30 jours', '1 to 30 days'),
    ('31_60', '31 à 60 jours', '31 to 60 days'),
    ('61_90', '61 à 90 jours', '61 to 90 days'),
    ('91_and_over', '91 jours et plus', '91 days and over'),
    ('total_1_and_over', 'Total (1 jour et plus)', 'Total (1 day and over)'),
    (
        excluded,
        'Factures exclues relatives à des créances litigieuses',
        'Invoices excluded because they are disputed'
    ),
] %}
with

years as (

    select
        periods.period_start,
        periods.period_end
    from {{ ref('int_periods') }} as periods
    where periods.period_grain = 'year' and periods.is_period_complete

),

tranches as (

    {% for tranche, label_fr, label_en in tranches %}
    {% if not loop.first %}
    union all

    {% endif %}
    select
        {{ loop.index }} as tranche_order,
        '{{ tranche }}' as tranche,
        '{{ label_fr }}' as label_fr,
        '{{ label_en }}' as label_en
    {% endfor %}
),

items as (

    select * from {{ ref('int_receivable_items') }}

),

factors as (

    select * from {{ ref('int_fx_factors') }}

),

-- An invoice paid more than once is not unpaid: balances below zero do not count.
unpaid as (

    select
        years.period_end,
        history.entity_code,
        history.currency_code,
        case
            when history.is_disputed and history.due_date < years.period_end then '{{ excluded }}'
            when history.due_date = years.period_end then '0_days'
            when {{ days_between('history.due_date', 'years.period_end') }} <= 30 then '1_30'
            when {{ days_between('history.due_date', 'years.period_end') }} <= 60 then '31_60'
            when {{ days_between('history.due_date', 'years.period_end') }} <= 90 then '61_90'
            else '91_and_over'
        end as tranche,
        history.open_amount as gross_amount,
        case
            when items.signed_amount <> 0
                then
                    {{ money(
                        'cast(history.open_amount as double) * cast(items.net_amount as double)'
                        ~ ' / cast(items.signed_amount as double)'
                    ) }}
        end as net_amount
    from {{ ref('int_item_history') }} as history
    inner join years
        on history.valid_from <= years.period_end and history.valid_to > years.period_end
    inner join items on history.item_key = items.item_key
    where
        history.item_side = 'debit'
        and history.open_amount > 0
        and history.due_date <= years.period_end
        and not (history.is_disputed and history.due_date = years.period_end)

),

with_total as (

    select * from unpaid

    union all

    select
        unpaid.period_end,
        unpaid.entity_code,
        unpaid.currency_code,
        'total_1_and_over' as tranche,
        unpaid.gross_amount,
        unpaid.net_amount
    from unpaid
    where unpaid.tranche not in ('0_days', '{{ excluded }}')

),

by_currency as (

    select
        with_total.period_end,
        with_total.entity_code,
        with_total.tranche,
        with_total.currency_code,
        count(*) as invoice_count,
        sum(with_total.gross_amount) as gross_amount,
        case when count(*) = count(with_total.net_amount) then sum(with_total.net_amount) end
            as net_amount
    from with_total
    group by
        with_total.period_end, with_total.entity_code, with_total.tranche,
        with_total.currency_code

),

by_tranche as (

    select
        by_currency.period_end,
        by_currency.entity_code,
        by_currency.tranche,
        sum(by_currency.invoice_count) as invoice_count,
        sum({{ convert('by_currency.gross_amount', 'factors.factor') }}) as gross_amount,
        case
            when count(*) = count(by_currency.net_amount)
                then sum({{ convert('by_currency.net_amount', 'factors.factor') }})
        end as net_amount
    from by_currency
    inner join factors
        on
            by_currency.period_end = factors.calendar_date
            and by_currency.currency_code = factors.currency_code
    group by by_currency.period_end, by_currency.entity_code, by_currency.tranche

),

net_of_day as (

    select
        items.entity_code,
        items.issue_date,
        items.currency_code,
        case when count(*) = count(items.net_amount) then sum(items.net_amount) end as net_amount
    from items
    where items.item_type in ('invoice', 'debit_note', 'credit_note')
    group by items.entity_code, items.issue_date, items.currency_code

),

net_revenue as (

    select
        years.period_end,
        net_of_day.entity_code,
        case
            when count(*) = count(net_of_day.net_amount)
                then sum({{ convert('net_of_day.net_amount', 'factors.factor') }})
        end as revenue_net_amount
    from net_of_day
    inner join years on net_of_day.issue_date between years.period_start and years.period_end
    inner join factors
        on
            net_of_day.issue_date = factors.calendar_date
            and net_of_day.currency_code = factors.currency_code
    group by years.period_end, net_of_day.entity_code

),

parts as (

    select
        parts.entity_code,
        parts.period_end,
        parts.currency_code,
        parts.revenue_amount as revenue_gross_amount
    from {{ ref('int_period_parts') }} as parts
    inner join years on parts.period_end = years.period_end
    where
        parts.period_grain = 'year'
        and parts.segment_type = 'all'
        and parts.entity_code <> 'ALL'

),

complete as (

    select
        parts.entity_code,
        parts.period_end,
        parts.currency_code,
        parts.revenue_gross_amount,
        -- Without invoices in the year there is nothing of which the net could be missing.
        case
            when net_revenue.entity_code is null then 0
            else net_revenue.revenue_net_amount
        end as revenue_net_amount,
        tranches.tranche_order,
        tranches.tranche,
        tranches.label_fr,
        tranches.label_en,
        coalesce(by_tranche.invoice_count, 0) as invoice_count,
        coalesce(by_tranche.gross_amount, 0) as gross_amount,
        case when by_tranche.tranche is null then 0 else by_tranche.net_amount end as net_amount
    from parts
    cross join tranches
    left join by_tranche
        on
            parts.period_end = by_tranche.period_end
            and parts.entity_code = by_tranche.entity_code
            and tranches.tranche = by_tranche.tranche
    left join net_revenue
        on
            parts.period_end = net_revenue.period_end
            and parts.entity_code = net_revenue.entity_code

)

select
    complete.entity_code,
    cast(extract(year from complete.period_end) as integer) as fiscal_year,
    complete.period_end as closing_date,
    complete.tranche,
    cast(complete.tranche_order as integer) as tranche_order,
    complete.label_fr,
    complete.label_en,
    complete.currency_code,
    cast(complete.invoice_count as bigint) as invoice_count,
    {{ money('complete.gross_amount') }} as gross_amount,
    {{ money('complete.net_amount') }} as net_amount,
    {{ money('complete.revenue_gross_amount') }} as revenue_gross_amount,
    {{ money('complete.revenue_net_amount') }} as revenue_net_amount,
    {{ safe_divide('complete.gross_amount', 'complete.revenue_gross_amount') }}
        as share_of_revenue_gross,
    {{ safe_divide('complete.net_amount', 'complete.revenue_net_amount') }}
        as share_of_revenue_net

from complete
