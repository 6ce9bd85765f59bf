-- What each case covers at the end of the days that count: that on which it opened, the last one on
-- which it was open, and each month-end, or the as-of date, in between. The cases of one kind that
-- are open on an item cover its positive balance one after the other, in the order in which they
-- were opened; one that was closed on the day it opened covers nothing. Document currency.
-- Grain: one row per item, case and day.
with

cases as (

    select
        cases.*,
        coalesce(cases.closed_on, date '9999-12-31') as open_until
    from {{ ref('int_dispute_cases') }} as cases

),

month_ends as (

    select periods.as_of_date
    from {{ ref('int_periods') }} as periods
    where periods.period_grain = 'month'

),

days as (

    select
        cases.*,
        cases.opened_on as case_day
    from cases

    union distinct

    select
        cases.*,
        greatest(cases.opened_on, {{ add_days('cases.closed_on', -1) }}) as case_day
    from cases
    where cases.closed_on is not null

    union distinct

    select
        cases.*,
        month_ends.as_of_date as case_day
    from cases
    inner join month_ends
        on
            cases.opened_on <= month_ends.as_of_date
            and cases.open_until > month_ends.as_of_date

),

-- A case without a claim leaves nothing to those after it.
claims_before as (

    select
        days.reason_kind,
        days.item_key,
        days.case_id,
        days.case_day,
        sum(earlier.claim_amount) as claim_amount,
        max(case when earlier.claim_amount is null then 1 else 0 end) as is_whole_balance
    from days
    inner join cases as earlier
        on
            days.reason_kind = earlier.reason_kind
            and days.item_key = earlier.item_key
            and days.case_day >= earlier.opened_on
            and days.case_day < earlier.open_until
            and (
                days.opened_on > earlier.opened_on
                or (days.opened_on = earlier.opened_on and days.case_id > earlier.case_id)
            )
    group by days.reason_kind, days.item_key, days.case_id, days.case_day

),

balances as (

    select
        days.*,
        days.open_until > days.case_day as is_open,
        case
            when claims_before.is_whole_balance = 1 then 0
            else history.open_amount - coalesce(claims_before.claim_amount, 0)
        end as balance_left
    from days
    inner join {{ ref('int_item_history') }} as history
        on
            days.item_key = history.item_key
            and days.case_day >= history.valid_from
            and days.case_day < history.valid_to
    left join claims_before
        on
            days.reason_kind = claims_before.reason_kind
            and days.item_key = claims_before.item_key
            and days.case_id = claims_before.case_id
            and days.case_day = claims_before.case_day

)

select
    balances.reason_kind,
    balances.case_id,
    balances.item_key,
    coalesce(item_sets.dimension_set_id, balances.dimension_set_id) as dimension_set_id,
    balances.currency_code,
    balances.reason_code,
    balances.opened_on,
    balances.closed_on,
    balances.case_day,
    balances.is_open,
    cast(
        case
            when not balances.is_open or balances.balance_left <= 0 then 0
            when balances.claim_amount < balances.balance_left then balances.claim_amount
            else balances.balance_left
        end as decimal(18, 2)
    ) as covered_amount

from balances
{{ dimension_set_of_day('balances.item_key', 'balances.case_day') }}
