-- What is doubtful, provisioned, written off and expected to be lost.
-- Grain: one row per period (month, quarter, year), entity and segment.
with

period_parts as (

    select parts.* from {{ ref('int_period_parts') }} as parts
    where parts.period_grain <> 'day'

),

parts as (

    select
        period_parts.*,
        coalesce(customers.customer_with_balance_count, 0) as customer_with_balance_count,
        coalesce(customers.default_customer_count, 0) as default_customer_count,
        coalesce(doubtful.doubtful_amount, 0) as doubtful_amount,
        coalesce(provisions.provision_amount, 0) as provision_amount,
        coalesce(losses.expected_credit_loss_amount, 0) as expected_credit_loss_amount
    from period_parts
    left join {{ ref('int_period_customers') }} as customers
        on
            period_parts.period_grain = customers.period_grain
            and period_parts.period_start = customers.period_start
            and period_parts.slice_id = customers.slice_id
    left join {{ ref('int_doubtful_receivables') }} as doubtful
        on
            period_parts.as_of_date = doubtful.as_of_date
            and period_parts.slice_id = doubtful.slice_id
    left join {{ ref('int_provision_stocks') }} as provisions
        on
            period_parts.as_of_date = provisions.as_of_date
            and period_parts.slice_id = provisions.slice_id
    left join {{ ref('int_expected_losses') }} as losses
        on
            period_parts.as_of_date = losses.as_of_date
            and period_parts.slice_id = losses.slice_id

)

select
    {{ slice_columns('parts') }},
    parts.receivables_amount,
    parts.revenue_amount,
    parts.customer_with_balance_count,
    parts.default_customer_count,
    '{{ loss_rate_basis() }}' as loss_rate_basis,
    parts.doubtful_amount,
    {{ doubtful_to_revenue('parts.doubtful_amount', 'parts.revenue_amount') }}
        as doubtful_to_revenue,
    parts.provision_amount,
    {{ provision_rate('parts.provision_amount', 'parts.doubtful_amount') }} as provision_rate,
    parts.write_off_amount,
    {{ loss_rate('parts.write_off_amount', 'parts.revenue_amount') }} as loss_rate,
    {{ provisions_and_losses_to_revenue(
        'parts.provision_amount', 'parts.write_off_amount', 'parts.revenue_amount'
    ) }} as provisions_and_losses_to_revenue,
    {{ default_rate('parts.default_customer_count', 'parts.customer_with_balance_count') }}
        as default_rate,
    parts.expected_credit_loss_amount

from parts
