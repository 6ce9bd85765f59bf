-- When the receipts allocated in a period came, compared with issue and due date, and with the
-- industry of the customer. Bounced ones are taken off on their own day.
-- Amounts in the reporting currency; weights are amounts times days.
-- Grain: one row per period (month, quarter, year) and slice with an allocation.
{%- set flows = [
    'allocated_amount', 'allocated_dated_amount', 'allocated_on_time_amount',
    'days_to_pay_weight', 'days_late_weight', 'days_beyond_terms_weight',
] %}
{%- set sector_flows = [
    'sector_allocated_amount', 'sector_days_to_pay_weight', 'sector_benchmark_weight'
] %}
with

allocations as (

    select
        allocations.movement_date,
        allocations.dimension_set_id,
        allocations.currency_code,
        allocations.allocated_amount as amount,
        {{ days_between('allocations.issue_date', 'allocations.receipt_date') }} as days_to_pay,
        {{ days_between('allocations.due_date', 'allocations.receipt_date') }} as days_late
    from {{ ref('int_receipt_allocations') }} as allocations

),

-- Sums are converted, not allocations: so many equal roundings never add up.
days as (

    select
        allocations.movement_date,
        allocations.dimension_set_id,
        allocations.currency_code,
        sum(allocations.amount) as allocated_amount,
        sum(allocations.amount) filter (where allocations.days_late is not null)
            as allocated_dated_amount,
        sum(allocations.amount) filter (where allocations.days_late <= 0)
            as allocated_on_time_amount,
        sum(allocations.amount * allocations.days_to_pay) as days_to_pay_weight,
        sum(allocations.amount * allocations.days_late) as days_late_weight,
        sum(allocations.amount * allocations.days_late) filter (where allocations.days_late > 0)
            as days_beyond_terms_weight
    from allocations
    group by allocations.movement_date, allocations.dimension_set_id, allocations.currency_code

),

set_months as (

    select
        {{ period_start('month', 'days.movement_date') }} as month_start,
        {% for flow in flows %}
        {%- set amount = convert('coalesce(days.' ~ flow ~ ', 0)', 'factors.factor') %}
        {{ money('sum(' ~ amount ~ ')') }} as {{ flow }},
        {% endfor %}
        days.dimension_set_id
    from days
    inner join {{ ref('int_fx_factors') }} as factors
        on
            days.movement_date = factors.calendar_date
            and days.currency_code = factors.currency_code
    group by {{ period_start('month', 'days.movement_date') }}, days.dimension_set_id

),

industries as (

    select distinct dimension_sets.industry as industry_code
    from {{ ref('int_dimension_sets') }} as dimension_sets

),

-- The longest code that the industry starts with says most about it.
benchmarks as (

    select
        industries.industry_code,
        max_by(sectors.days_to_pay, length(sectors.industry_code)) as days_to_pay
    from industries
    inner join {{ ref('sector_benchmarks') }} as sectors
        on
            substring(industries.industry_code, 1, length(sectors.industry_code))
            = sectors.industry_code
    group by industries.industry_code

),

compared as (

    select
        set_months.*,
        case when benchmarks.days_to_pay is null then 0 else set_months.allocated_amount end
            as sector_allocated_amount,
        case when benchmarks.days_to_pay is null then 0 else set_months.days_to_pay_weight end
            as sector_days_to_pay_weight,
        {{ money('set_months.allocated_amount * coalesce(benchmarks.days_to_pay, 0)') }}
            as sector_benchmark_weight
    from set_months
    inner join {{ ref('int_dimension_sets') }} as dimension_sets
        on set_months.dimension_set_id = dimension_sets.dimension_set_id
    left join benchmarks on dimension_sets.industry = benchmarks.industry_code

),

months as (

    {{ add_up_to_slices('compared', ['month_start'], flows + sector_flows) }}

),

periods as (

    {{ add_up_to_periods('months', flows + sector_flows) }}

)

select * from periods
