-- What every record of the ledger adds to every part of the figures.
-- Grain: one row per part, period and record that adds to it.
{%- set topics = [
    'balances', 'flows', 'revaluation', 'countback', 'ageing_buckets', 'invoicing', 'receipts',
    'collection', 'lateness', 'accounts',
    'dunning', 'promises', 'disputes', 'credit_exposure', 'concentration', 'credit_losses',
] %}
{%- for topic in topics %}
{{ 'union all' if not loop.first }}

select * from {{ ref('evidence_' ~ topic) }}
{%- endfor %}
