-- When customers pay, compared with issue, due date, the law and their industry, and what it costs.
-- Grain: one row per period (month, quarter, year), entity and segment.
with

parts as (

    select parts.* from {{ ref('int_period_parts') }} as parts
    where parts.period_grain <> 'day'

),

measured as (

    select
        parts.*,
        {% for name in [
            'receipts.allocated_amount', 'receipts.allocated_dated_amount',
            'receipts.days_to_pay_weight', 'receipts.days_late_weight',
            'receipts.days_beyond_terms_weight', 'receipts.sector_allocated_amount',
            'receipts.sector_days_to_pay_weight', 'receipts.sector_benchmark_weight',
            'invoicing.invoiced_dated_amount', 'invoicing.terms_weight',
            'invoicing.legal_breach_amount', 'lateness.overdue_amount_days',
            'lateness.financing_cost_amount', 'lateness.late_interest_amount',
        ] %}
        {{ money('coalesce(' ~ name ~ ', 0)') }} as {{ name.split('.')[1] }},
        {% endfor %}
        case
            when coalesce(lateness.unknown_fee_count, 0) = 0
                then {{ money('coalesce(lateness.flat_fee_amount, 0)') }}
        end as flat_fee_amount,
        coalesce(settlements.settled_invoice_count, 0) as settled_invoice_count,
        coalesce(settlements.settled_days_count, 0) as settled_days_count,
        coalesce(lateness.fell_overdue_count, 0) as fell_overdue_count
    from parts
    {% for relation in ['receipts', 'invoicing', 'lateness', 'settlements'] %}
    left join {{ ref('int_period_' ~ relation) }} as {{ relation }}
        on
            parts.period_grain = {{ relation }}.period_grain
            and parts.period_start = {{ relation }}.period_start
            and parts.slice_id = {{ relation }}.slice_id
    {% endfor %}

)

select
    {{ slice_columns('measured') }},
    measured.revenue_amount,
    measured.allocated_amount,
    measured.allocated_dated_amount,
    measured.collected_late_amount,
    measured.days_to_pay_weight,
    measured.days_late_weight,
    measured.days_beyond_terms_weight,
    measured.settled_invoice_count,
    measured.settled_days_count,
    measured.invoiced_dated_amount,
    measured.terms_weight,
    measured.legal_breach_amount,
    measured.overdue_amount_days,
    measured.fell_overdue_count,
    measured.sector_allocated_amount,
    measured.sector_days_to_pay_weight,
    measured.sector_benchmark_weight,
    {{ avg_days_to_pay('measured.days_to_pay_weight', 'measured.allocated_amount') }}
        as avg_days_to_pay,
    {{ avg_days_to_pay_unweighted(
        'measured.settled_days_count', 'measured.settled_invoice_count'
    ) }} as avg_days_to_pay_unweighted,
    {{ avg_days_late_weighted('measured.days_late_weight', 'measured.allocated_dated_amount') }}
        as avg_days_late_weighted,
    {{ avg_days_beyond_terms(
        'measured.days_beyond_terms_weight', 'measured.collected_late_amount'
    ) }} as avg_days_beyond_terms,
    {{ weighted_terms_days('measured.terms_weight', 'measured.invoiced_dated_amount') }}
        as weighted_terms_days,
    {{ late_payment_rate('measured.collected_late_amount', 'measured.allocated_dated_amount') }}
        as late_payment_rate,
    {{ legal_terms_breach_rate('measured.legal_breach_amount', 'measured.revenue_amount') }}
        as legal_terms_breach_rate,
    measured.financing_cost_amount,
    {{ sector_days_to_pay('measured.sector_benchmark_weight', 'measured.sector_allocated_amount') }}
        as sector_days_to_pay,
    {{ vs_sector_days(
        'measured.sector_days_to_pay_weight', 'measured.sector_benchmark_weight',
        'measured.sector_allocated_amount'
    ) }} as vs_sector_days,
    measured.late_interest_amount,
    measured.flat_fee_amount

from measured
