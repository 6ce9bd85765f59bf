-- What lateness costs: the overdue balance of each day added up, its financing, and the interest
-- and flat fees that may be claimed. Amounts in the reporting currency.
-- Grain: one row per period (month, quarter, year) and slice with something overdue.
{%- set amounts = [
    'overdue_amount_days', 'financing_cost_amount', 'late_interest_amount', 'flat_fee_amount'
] %}
{%- set counts = ['fell_overdue_count', 'unknown_fee_count'] %}
with

run as (

    select * from {{ ref('int_run') }}

),

overdue as (

    select
        overdue.month_start,
        overdue.dimension_set_id,
        {{ money('sum(overdue.amount_days)') }} as overdue_amount_days,
        {{ money(interest_of_days('sum(overdue.financing_weight)')) }} as financing_cost_amount,
        {{ money(interest_of_days('sum(overdue.interest_weight)')) }} as late_interest_amount
    from {{ ref('int_overdue_months') }} as overdue
    group by overdue.month_start, overdue.dimension_set_id

),

-- The first day at whose end an item can be overdue in these books. Opening items that were
-- overdue when they were taken over fell overdue elsewhere.
first_days as (

    select
        history.dimension_set_id,
        history.valid_from,
        history.valid_to,
        greatest({{ add_days('history.due_date', 1) }}, history.booking_date) as fell_overdue_on
    from {{ ref('int_item_history') }} as history
    where
        history.item_side = 'debit'
        and history.due_date is not null
        and history.open_amount <> 0
        and (history.item_type <> 'opening' or history.due_date >= history.booking_date)

),

fell_overdue as (

    select
        first_days.fell_overdue_on,
        first_days.dimension_set_id,
        count(*) as fell_overdue_count
    from first_days
    cross join run
    where
        first_days.fell_overdue_on >= first_days.valid_from
        and first_days.fell_overdue_on < first_days.valid_to
        and first_days.fell_overdue_on <= run.as_of_date
    group by first_days.fell_overdue_on, first_days.dimension_set_id

),

fees as (

    select
        fell_overdue.*,
        {{ convert(
            'fell_overdue.fell_overdue_count * rates.flat_fee_amount', 'rates.flat_fee_factor'
        ) }} as flat_fee_amount,
        case
            when rates.flat_fee_amount is not null and rates.flat_fee_factor is null
                then fell_overdue.fell_overdue_count
            else 0
        end as unknown_fee_count
    from fell_overdue
    inner join {{ ref('int_daily_rates') }} as rates
        on fell_overdue.fell_overdue_on = rates.calendar_date

),

measured as (

    select
        overdue.*,
        cast(0 as decimal(38, 6)) as flat_fee_amount,
        0 as fell_overdue_count,
        0 as unknown_fee_count
    from overdue

    union all

    select
        {{ period_start('month', 'fees.fell_overdue_on') }} as month_start,
        fees.dimension_set_id,
        cast(0 as decimal(38, 6)) as overdue_amount_days,
        cast(0 as decimal(38, 6)) as financing_cost_amount,
        cast(0 as decimal(38, 6)) as late_interest_amount,
        {{ money('coalesce(sum(fees.flat_fee_amount), 0)') }} as flat_fee_amount,
        sum(fees.fell_overdue_count) as fell_overdue_count,
        sum(fees.unknown_fee_count) as unknown_fee_count
    from fees
    group by {{ period_start('month', 'fees.fell_overdue_on') }}, fees.dimension_set_id

),

months as (

    {{ add_up_to_slices('measured', ['month_start'], amounts, counts) }}

),

periods as (

    {{ add_up_to_periods('months', amounts, counts) }}

)

select
    periods.period_grain,
    periods.period_start,
    periods.slice_id,
    periods.overdue_amount_days,
    periods.financing_cost_amount,
    periods.late_interest_amount,
    periods.fell_overdue_count,
    periods.unknown_fee_count,
    periods.flat_fee_amount

from periods
