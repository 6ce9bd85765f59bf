-- Monthly figures that come from the accounts and not from the customer ledger: costs of collection
-- and figures of the profit and loss account, the balance sheet and the cash flow statement.
-- Grain: one row per measure, entity, month and record.
{%- set measures = [
    'cost_of_goods_sold', 'purchases_amount', 'inventory_amount', 'payables_amount',
    'ebitda_amount', 'cash_flow_amount', 'free_cash_flow_amount',
] %}
with

costs as (

    select * from {{ ref('stg_collection_costs') }}

),

financials as (

    select * from {{ ref('stg_financials') }}

)

select
    'cost_amount' as measure,
    costs.entity_code,
    costs.period_month,
    costs.category as note,
    costs.cost_amount as amount,
    {{ record_key('collection_costs', 'costs') }} as record_key
from costs
{% for measure in measures %}
union all

select
    '{{ measure }}' as measure,
    financials.entity_code,
    financials.period_month,
    cast(null as varchar) as note,
    financials.{{ measure }} as amount,
    {{ record_key('financials', 'financials') }} as record_key
from financials
where financials.{{ measure }} is not null
{% endfor %}
