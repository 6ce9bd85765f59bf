-- What was collected of what was owed, invoiced or due, how early, and at what cost.
-- Grain: one row per period (month, quarter, year), entity and segment.
with

run as (

    select * from {{ ref('int_run') }}

),

parts as (

    select parts.* from {{ ref('int_period_parts') }} as parts
    where parts.period_grain <> 'day'

),

measured as (

    select
        parts.*,
        -- Periods lie within one year.
        cast(
            extract(month from parts.as_of_date) - extract(month from parts.period_start) + 1
            as bigint
        ) as month_count,
        {{ money('coalesce(invoicing.invoiced_amount, 0)') }} as invoiced_amount,
        {{ money('coalesce(cohorts.cohort_collected_amount, 0)') }} as cohort_collected_amount,
        {% for days in [30, 60, 90] %}
        {%- set name = 'cohort_collected_' ~ days ~ 'd_amount' %}
        case
            when {{ add_days('parts.period_end', days) }} <= run.as_of_date
                then {{ money('coalesce(cohorts.' ~ name ~ ', 0)') }}
        end as {{ name }},
        {% endfor %}
        coalesce(activation.overdue_invoice_count, 0) as overdue_invoice_count,
        coalesce(activation.activated_invoice_count, 0) as activated_invoice_count,
        {{ money('coalesce(cohorts.fell_due_amount, 0)') }} as fell_due_amount,
        {{ money('coalesce(cohorts.on_time_amount, 0)') }} as on_time_amount,
        {{ money('coalesce(receipts.allocated_on_time_amount, 0)') }} as allocated_on_time_amount,
        {{ money('coalesce(collectable.collectable_amount, 0)') }} as collectable_amount,
        {{ money('coalesce(collectable.collectable_open_amount, 0)') }} as collectable_open_amount,
        entity_costs.collection_cost_amount
    from parts
    cross join run
    {%- for relation in ['invoicing', 'cohorts', 'activation', 'receipts', 'collectable'] %}
    left join {{ ref('int_period_' ~ relation) }} as {{ relation }}
        on
            parts.period_grain = {{ relation }}.period_grain
            and parts.period_start = {{ relation }}.period_start
            and parts.slice_id = {{ relation }}.slice_id
    {%- endfor %}
    left join {{ ref('int_period_costs') }} as entity_costs
        on
            parts.period_grain = entity_costs.period_grain
            and parts.period_start = entity_costs.period_start
            and parts.entity_code = entity_costs.entity_code
            and parts.segment_type = 'all'

)

select
    {{ slice_columns('measured') }},
    measured.opening_receivables_amount,
    measured.receivables_amount,
    measured.not_due_amount,
    measured.revenue_amount,
    measured.month_count,
    measured.collected_amount,
    measured.collected_late_amount,
    measured.invoiced_amount,
    measured.cohort_collected_amount,
    measured.cohort_collected_30d_amount,
    measured.cohort_collected_60d_amount,
    measured.cohort_collected_90d_amount,
    measured.overdue_invoice_count,
    measured.activated_invoice_count,
    measured.fell_due_amount,
    measured.on_time_amount,
    measured.allocated_on_time_amount,
    measured.collectable_amount,
    measured.collectable_open_amount,
    measured.collection_cost_amount,
    {{ recovery_rate('measured.collected_amount', 'measured.revenue_amount') }} as recovery_rate,
    {{ cohort_recovery_rate('measured.cohort_collected_amount', 'measured.invoiced_amount') }}
        as cohort_recovery_rate,
    {%- for days in [30, 60, 90] %}
    {{ cohort_recovery_rate(
        'measured.cohort_collected_' ~ days ~ 'd_amount', 'measured.invoiced_amount'
    ) }} as cohort_recovery_{{ days }}d_rate,
    {%- endfor %}
    {{ cei(
        'measured.opening_receivables_amount', 'measured.revenue_amount',
        'measured.receivables_amount', 'measured.not_due_amount'
    ) }} as cei,
    {{ cei_monthly_average(
        'measured.opening_receivables_amount', 'measured.revenue_amount',
        'measured.receivables_amount', 'measured.not_due_amount', 'measured.month_count'
    ) }} as cei_monthly_average,
    {{ activation_rate('measured.activated_invoice_count', 'measured.overdue_invoice_count') }}
        as activation_rate,
    {{ on_time_rate('measured.on_time_amount', 'measured.fell_due_amount') }} as on_time_rate,
    {{ on_time_receipts_ratio(
        'measured.allocated_on_time_amount', 'measured.receivables_amount'
    ) }} as on_time_receipts_ratio,
    {{ collectable_rate('measured.collectable_open_amount', 'measured.collectable_amount') }}
        as collectable_rate,
    {{ cost_per_euro_recovered('measured.collection_cost_amount', 'measured.collected_amount') }}
        as cost_per_euro_recovered,
    {{ cost_per_euro_recovered(
        'measured.collection_cost_amount', 'measured.collected_late_amount'
    ) }} as cost_per_euro_recovered_late

from measured
