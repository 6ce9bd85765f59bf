-- How long cash is tied up between paying suppliers and being paid by customers, and how much of it
-- comes in.
-- Grain: one row per period (month, quarter, year) and entity; segment `all` only.
with

period_parts as (

    select parts.* from {{ ref('int_period_parts') }} as parts
    where parts.period_grain <> 'day' and parts.segment_type = 'all'

),

parts as (

    select
        period_parts.*,
        financials.cost_of_goods_sold_amount,
        financials.purchases_amount,
        financials.opening_inventory_amount,
        financials.inventory_amount,
        financials.payables_amount,
        financials.ebitda_amount,
        financials.cash_flow_amount,
        financials.free_cash_flow_amount,
        {{ dso_days(
            'period_parts.receivables_amount', 'period_parts.revenue_amount',
            'period_parts.days_in_period'
        ) }} as dso_days,
        {{ dio_days(
            'financials.opening_inventory_amount', 'financials.inventory_amount',
            'financials.cost_of_goods_sold_amount', 'period_parts.days_in_period'
        ) }} as dio_days,
        {{ dpo_days(
            'financials.payables_amount', 'financials.purchases_amount',
            'period_parts.days_in_period'
        ) }} as dpo_days,
        {{ dpo_days(
            'financials.payables_amount', 'financials.cost_of_goods_sold_amount',
            'period_parts.days_in_period'
        ) }} as dpo_cogs_days
    from period_parts
    left join {{ ref('int_period_financials') }} as financials
        on
            period_parts.period_grain = financials.period_grain
            and period_parts.period_start = financials.period_start
            and period_parts.entity_code = financials.entity_code

)

select
    {{ slice_columns('parts') }},
    parts.revenue_amount,
    parts.receivables_amount,
    parts.cost_of_goods_sold_amount,
    parts.purchases_amount,
    parts.opening_inventory_amount,
    parts.inventory_amount,
    parts.payables_amount,
    parts.ebitda_amount,
    parts.cash_flow_amount,
    parts.free_cash_flow_amount,
    parts.dso_days,
    parts.dio_days,
    parts.dpo_days,
    parts.dpo_cogs_days,
    {{ ccc_days('parts.dio_days', 'parts.dso_days', 'parts.dpo_days') }} as ccc_days,
    {{ free_cash_flow_rate('parts.free_cash_flow_amount', 'parts.revenue_amount') }}
        as free_cash_flow_rate,
    {{ cash_margin_rate('parts.cash_flow_amount', 'parts.ebitda_amount') }} as cash_margin_rate

from parts
