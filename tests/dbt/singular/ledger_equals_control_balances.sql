-- The customer ledger is what the control account of the general ledger shows, to the cent.
-- Compared in the currency of the documents where an entity has only one, also on days after the
-- last movement; else in the reporting currency, up to the as-of date, after which no rate is read
-- (ADR 0008).
with

run as (

    select * from {{ ref('int_run') }}

),

currencies as (

    select
        items.entity_code,
        count(distinct items.currency_code) as currency_count
    from {{ ref('int_receivable_items') }} as items
    group by items.entity_code

),

movements as (

    select
        movements.entity_code,
        movements.currency_code,
        movements.movement_date,
        sum(movements.movement_amount) as amount
    from {{ ref('int_receivable_movements') }} as movements
    group by movements.entity_code, movements.currency_code, movements.movement_date

),

controls as (

    select
        control_balances.entity_code,
        control_balances.balance_date,
        control_balances.balance_amount
    from {{ ref('stg_control_balances') }} as control_balances
    cross join run
    left join currencies on control_balances.entity_code = currencies.entity_code
    where
        control_balances.balance_date <= run.as_of_date
        or (
            currencies.currency_count = 1
            and run.as_of_date >= run.last_movement_date
        )

),

ledger as (

    select
        controls.entity_code,
        controls.balance_date,
        movements.currency_code,
        sum(movements.amount) as amount
    from controls
    inner join movements
        on
            controls.entity_code = movements.entity_code
            and controls.balance_date >= movements.movement_date
    group by controls.entity_code, controls.balance_date, movements.currency_code

),

converted as (

    select
        ledger.entity_code,
        ledger.balance_date,
        sum(
            case
                when currencies.currency_count = 1 then {{ money('ledger.amount') }}
                else {{ convert('ledger.amount', 'factors.factor') }}
            end
        ) as amount
    from ledger
    inner join currencies on ledger.entity_code = currencies.entity_code
    left join {{ ref('int_fx_factors') }} as factors
        on
            ledger.balance_date = factors.calendar_date
            and ledger.currency_code = factors.currency_code
    group by ledger.entity_code, ledger.balance_date

)

select
    'Entity ' || controls.entity_code || ' on ' || cast(controls.balance_date as varchar)
    || ': the control account shows ' || cast(controls.balance_amount as varchar)
    || ', the open items ' || cast(cast(coalesce(converted.amount, 0) as decimal(18, 2)) as varchar)
    || '; look for documents that one of the two lacks' as message
from controls
left join converted
    on
        controls.entity_code = converted.entity_code
        and controls.balance_date = converted.balance_date
where cast(coalesce(converted.amount, 0) as decimal(18, 2)) <> controls.balance_amount
