-- How much of the open invoices is overdue, and by how long.
-- Grain: one row per period (day, month, quarter, year), entity and segment.
with

parts as (

    select * from {{ ref('int_period_parts') }}

)

select
    {{ slice_columns('parts') }},
    {%- for prefix in ['', 'opening_'] %}
    parts.{{ prefix }}receivables_amount,
    parts.{{ prefix }}open_invoices_amount,
    parts.{{ prefix }}unallocated_amount,
    parts.{{ prefix }}not_due_amount,
    parts.{{ prefix }}overdue_amount,
    parts.{{ prefix }}undated_amount,
    parts.{{ prefix }}over_30_amount,
    parts.{{ prefix }}over_60_amount,
    parts.{{ prefix }}over_90_amount,
    {%- endfor %}
    parts.revenue_amount,
    {{ overdue_rate('parts.overdue_amount', 'parts.open_invoices_amount') }} as overdue_rate,
    {%- for days in [30, 60, 90] %}
    {{ over_days_rate('parts.over_' ~ days ~ '_amount', 'parts.open_invoices_amount') }}
        as over_{{ days }}_rate,
    {%- endfor %}
    {%- for days in [30, 60, 90] %}
    {{ over_days_rate_change(
        'parts.over_' ~ days ~ '_amount', 'parts.open_invoices_amount',
        'parts.opening_over_' ~ days ~ '_amount', 'parts.opening_open_invoices_amount'
    ) }} as over_{{ days }}_rate_change,
    {%- endfor %}
    {{ overdue_to_revenue('parts.overdue_amount', 'parts.revenue_amount') }} as overdue_to_revenue

from parts
