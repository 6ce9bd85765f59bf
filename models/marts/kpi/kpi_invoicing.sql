-- What was invoiced and credited, and how many customers have signed the terms of sale.
-- Grain: one row per period (month, quarter, year), entity and segment.
with

parts as (

    select parts.* from {{ ref('int_period_parts') }} as parts
    where parts.period_grain <> 'day'

),

measured as (

    select
        parts.*,
        {{ add_months('parts.period_start', -12) }} as period_start_year_before,
        {{ money('coalesce(invoicing.invoiced_amount, 0)') }} as invoiced_amount,
        coalesce(invoicing.invoice_count, 0) as invoice_count,
        coalesce(invoicing.credit_note_count, 0) as credit_note_count,
        coalesce(customers.active_customer_count, 0) as active_customer_count,
        coalesce(customers.signed_customer_count, 0) as signed_customer_count
    from parts
    {% for relation in ['invoicing', 'customers'] %}
    left join {{ ref('int_period_' ~ relation) }} as {{ relation }}
        on
            parts.period_grain = {{ relation }}.period_grain
            and parts.period_start = {{ relation }}.period_start
            and parts.slice_id = {{ relation }}.slice_id
    {% endfor %}

)

select
    {{ slice_columns('measured') }},
    measured.invoice_count,
    measured.invoiced_amount,
    measured.credit_note_count,
    measured.credit_note_amount,
    measured.active_customer_count,
    measured.signed_customer_count,
    year_before.active_customer_count as year_before_active_customer_count,
    year_before.signed_customer_count as year_before_signed_customer_count,
    {{ credit_note_count_rate('measured.credit_note_count', 'measured.invoice_count') }}
        as credit_note_count_rate,
    {{ credit_note_rate('measured.credit_note_amount', 'measured.invoiced_amount') }}
        as credit_note_rate,
    {{ signed_terms_rate('measured.signed_customer_count', 'measured.active_customer_count') }}
        as signed_terms_rate,
    {{ signed_terms_rate_change(
        'measured.signed_customer_count', 'measured.active_customer_count',
        'year_before.signed_customer_count', 'year_before.active_customer_count'
    ) }} as signed_terms_rate_change

from measured
left join measured as year_before
    on
        measured.period_grain = year_before.period_grain
        and measured.period_start_year_before = year_before.period_start
        and measured.slice_id = year_before.slice_id
