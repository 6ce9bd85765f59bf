-- What was invoiced and credited in a period, on which terms, and what of it on longer terms than
-- the law allows. Amounts in the reporting currency at the rates of the issue dates; weights are
-- amounts times days.
-- Grain: one row per period (month, quarter, year) and slice with a document issued.
{%- set amounts = [
    'invoiced_amount', 'invoiced_dated_amount', 'terms_weight', 'legal_breach_amount'
] %}
{%- set counts = ['invoice_count', 'credit_note_count'] %}
with

items as (

    select
        items.issue_date,
        items.dimension_set_id,
        items.currency_code,
        items.item_type <> 'credit_note' as is_invoice,
        items.signed_amount as amount,
        {{ days_between('items.issue_date', 'items.due_date') }} as terms_days,
        items.due_date > {{ legal_due_date(
            'items.issue_date', 'items.is_end_of_month_terms', 'rates.max_days_net',
            'rates.max_days_end_of_month'
        ) }} as is_legal_breach
    from {{ ref('int_receivable_items') }} as items
    inner join {{ ref('int_daily_rates') }} as rates on items.issue_date = rates.calendar_date
    where items.item_type in ('invoice', 'debit_note', 'credit_note')

),

-- Sums are converted, not documents: so many equal roundings never add up.
days as (

    select
        items.issue_date,
        items.dimension_set_id,
        items.currency_code,
        sum(items.amount) filter (where items.is_invoice) as invoiced_amount,
        sum(items.amount) filter (where items.is_invoice and items.terms_days is not null)
            as invoiced_dated_amount,
        sum(items.amount * items.terms_days) filter (where items.is_invoice) as terms_weight,
        sum(items.amount) filter (where items.is_invoice and items.is_legal_breach)
            as legal_breach_amount,
        count(*) filter (where items.is_invoice) as invoice_count,
        count(*) filter (where not items.is_invoice) as credit_note_count
    from items
    group by items.issue_date, items.dimension_set_id, items.currency_code

),

set_months as (

    select
        {{ period_start('month', 'days.issue_date') }} as month_start,
        {% for name in amounts %}
        {%- set amount = convert('coalesce(days.' ~ name ~ ', 0)', 'factors.factor') %}
        {{ money('sum(' ~ amount ~ ')') }} as {{ name }},
        {% endfor %}
        {{ sum_columns('days', counts) }},
        days.dimension_set_id
    from days
    inner join {{ ref('int_fx_factors') }} as factors
        on
            days.issue_date = factors.calendar_date
            and days.currency_code = factors.currency_code
    group by {{ period_start('month', 'days.issue_date') }}, days.dimension_set_id

),

months as (

    {{ add_up_to_slices('set_months', ['month_start'], amounts, counts) }}

),

periods as (

    {{ add_up_to_periods('months', amounts, counts) }}

)

select * from periods
