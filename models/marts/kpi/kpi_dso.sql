-- Days sales outstanding and its variants.
-- Grain: one row per period (day, month, quarter, year), entity and segment.
{%- set is_period = "parts.period_grain <> 'day'" %}
with

parts as (

    select * from {{ ref('int_period_parts') }}

),

countback as (

    select * from {{ ref('int_dso_countback') }}

)

select
    {{ slice_columns('parts') }},
    parts.receivables_amount,
    parts.open_invoices_amount,
    parts.unallocated_amount,
    parts.not_due_amount,
    parts.overdue_amount,
    parts.undated_amount,
    parts.opening_receivables_amount,
    parts.theoretical_receivables_amount,
    parts.factored_receivables_amount,
    parts.revenue_amount,
    parts.factored_revenue_amount,
    parts.opening_items_amount,
    parts.collected_amount,
    parts.collected_late_amount,
    parts.credit_note_amount,
    parts.write_off_amount,
    parts.discount_amount,
    parts.transferred_amount,
    parts.revaluation_amount,
    parts.rolling_3m_revenue_amount,
    parts.rolling_3m_span_days,
    parts.rolling_12m_revenue_amount,
    parts.rolling_12m_span_days,
    case
        when {{ is_period }}
            then
                {{ dso_days(
                    'parts.receivables_amount', 'parts.revenue_amount', 'parts.days_in_period'
                ) }}
    end as dso_days,
    case
        when {{ is_period }}
            then
                {{ bpdso_days(
                    'parts.not_due_amount', 'parts.revenue_amount', 'parts.days_in_period'
                ) }}
    end as bpdso_days,
    case
        when {{ is_period }}
            then
                {{ add_days_delinquent(
                    'parts.receivables_amount', 'parts.not_due_amount', 'parts.revenue_amount',
                    'parts.days_in_period'
                ) }}
    end as add_days,
    {{ dso_days(
        'parts.receivables_amount', 'parts.rolling_3m_revenue_amount', 'parts.rolling_3m_span_days'
    ) }} as dso_rolling_3m_days,
    {{ dso_days(
        'parts.receivables_amount', 'parts.rolling_12m_revenue_amount', 'parts.rolling_12m_span_days'
    ) }} as dso_rolling_12m_days,
    case
        when {{ is_period }}
            then
                {{ dso_average_days(
                    'parts.opening_receivables_amount', 'parts.receivables_amount',
                    'parts.revenue_amount', 'parts.days_in_period'
                ) }}
    end as dso_average_days,
    case when {{ is_period }} then countback.dso_countback_days end as dso_countback_days,
    case
        when {{ is_period }}
            then
                {{ dso_excluding_factored_days(
                    'parts.receivables_amount', 'parts.factored_receivables_amount',
                    'parts.revenue_amount', 'parts.factored_revenue_amount',
                    'parts.days_in_period'
                ) }}
    end as dso_excluding_factored_days,
    {{ theoretical_ratio('parts.receivables_amount', 'parts.theoretical_receivables_amount') }}
        as theoretical_ratio

from parts
left join countback
    on
        parts.slice_id = countback.slice_id
        and parts.as_of_date = countback.as_of_date
