-- The group is the sum of its entities, and each segment type the sum of its segments, to the cent.
-- The tolerance is half a cent, and a millionth per row added: amounts are rounded in each row.
{%- set amounts = [
    'receivables_amount', 'open_invoices_amount', 'unallocated_amount', 'not_due_amount',
    'overdue_amount', 'undated_amount', 'over_30_amount', 'over_60_amount', 'over_90_amount',
    'opening_receivables_amount', 'theoretical_receivables_amount', 'factored_receivables_amount',
    'revenue_amount', 'factored_revenue_amount', 'opening_items_amount', 'collected_amount',
    'collected_late_amount', 'credit_note_amount', 'write_off_amount', 'discount_amount',
    'revaluation_amount',
] %}
with

parts as (

    select * from {{ ref('int_period_parts') }}

),

totals as (

    select parts.* from parts
    where parts.segment_type = 'all' and parts.entity_code = 'ALL'

),

sums as (

    select
        parts.period_grain,
        parts.period_start,
        parts.segment_type,
        parts.entity_code = 'ALL' as is_group,
        count(*) as row_count,
        {{ sum_columns('parts', amounts) }}
    from parts
    group by
        parts.period_grain, parts.period_start, parts.segment_type, parts.entity_code = 'ALL'

)

select
    totals.period_grain || ' ' || cast(totals.period_start as varchar)
    || ': the sum over segment type ' || sums.segment_type || ' (group: '
    || cast(sums.is_group as varchar) || ') differs from the total' as message
from totals
inner join sums
    on
        totals.period_grain = sums.period_grain
        and totals.period_start = sums.period_start
where
    false
    {% for amount in amounts %}
    or abs(totals.{{ amount }} - sums.{{ amount }}) >= 0.005 + 0.000001 * sums.row_count
    {% endfor %}
