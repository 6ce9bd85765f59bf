-- Credit limits and covers of the insurer, as they were granted.
-- Grain: one row per limit or cover.
{%- set amounts = {'credit_limits': 'limit_amount', 'credit_insurance': 'insured_limit_amount'} %}
{%- set quotas = {'credit_limits': '1', 'credit_insurance': 'coalesce(limits.quota_rate, 1)'} %}
{% for feed, amount in amounts.items() -%}
{{ 'union all' if not loop.first }}
select
    {{ record_key(feed, 'limits') }} as record_key,
    '{{ feed }}' as record_type,
    limits.entity_code,
    limits.customer_code,
    limits.valid_from,
    coalesce(limits.valid_to, date '9999-12-31') as last_day,
    limits.currency_code,
    limits.{{ amount }} as amount,
    cast({{ quotas[feed] }} as decimal(18, 12)) as quota_rate
from {{ ref('stg_' ~ feed) }} as limits
{% endfor %}
