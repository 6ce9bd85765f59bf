-- Receipts matched with the only open invoice of their customer whose balance is what they hold
-- (ADR 0018), after the books and what is matched by reference. Where several invoices had that
-- balance, the amount says nothing more until none of them has it any longer.
-- Grain: one row per receipt and day of release; and one per receipt whose amount is ambiguous,
-- without invoice.
with

reference_matches as (

    select matches.* from {{ ref('int_reference_matches') }} as matches
    where matches.issue_code is null

),

referenced as (

    select
        matches.receipt_item_key,
        sum(case when matches.matched_on = matches.receipt_date then matches.amount end)
            as matched_amount,
        min(case when matches.matched_on > matches.receipt_date then matches.matched_on end)
            as needed_on
    from reference_matches as matches
    group by matches.receipt_item_key

),

receipts as (

    select
        receipts.receipt_item_key,
        receipts.entity_code,
        receipts.customer_code,
        receipts.currency_code,
        receipts.receipt_date,
        receipts.reversed_on,
        cast(receipts.amount - coalesce(referenced.matched_amount, 0) as decimal(18, 2)) as amount,
        referenced.needed_on
    from {{ ref('int_matchable_receipts') }} as receipts
    left join referenced on receipts.receipt_item_key = referenced.receipt_item_key
    where receipts.by_amount and receipts.amount > coalesce(referenced.matched_amount, 0)

),

amounts as (

    select distinct
        receipts.entity_code,
        receipts.customer_code,
        receipts.currency_code,
        receipts.amount
    from receipts

),

customers as (

    select distinct
        amounts.entity_code,
        amounts.customer_code,
        amounts.currency_code
    from amounts

),

invoices as (

    select items.*
    from {{ ref('int_receivable_items') }} as items
    inner join customers
        on
            items.entity_code = customers.entity_code
            and items.customer_code = customers.customer_code
            and items.currency_code = customers.currency_code
    where items.item_side = 'debit'

),

changes as (

    select
        booked.item_key,
        booked.valid_from as change_date,
        booked.change_amount
    from {{ ref('int_booked_balances') }} as booked
    inner join invoices on booked.item_key = invoices.item_key

    union all

    select
        rule_changes.item_key,
        rule_changes.change_date,
        rule_changes.change_amount
    from ({{ matched_changes('reference_matches') }}) as rule_changes
    inner join invoices on rule_changes.item_key = invoices.item_key

),

balances as (

    {{ balance_intervals('changes') }}

),

closings as (

    select
        balances.*,
        sum(case when balances.balance <= 0 then 1 else 0 end) over (
            partition by balances.item_key order by balances.valid_from
            rows between unbounded preceding and current row
        ) as closing_count
    from balances

),

-- Balances that some receipt is equal to.
openings as (

    select
        invoices.item_key as invoice_item_key,
        invoices.entity_code,
        invoices.customer_code,
        invoices.currency_code,
        closings.balance as amount,
        closings.lowest_balance,
        closings.closing_count,
        closings.valid_from,
        closings.valid_to
    from closings
    inner join invoices on closings.item_key = invoices.item_key
    inner join amounts
        on
            invoices.entity_code = amounts.entity_code
            and invoices.customer_code = amounts.customer_code
            and invoices.currency_code = amounts.currency_code
            and closings.balance = amounts.amount

),

-- All that happens to one amount of a customer, in order: invoices come to have it, receipts that
-- stand bring it.
events as (

    select
        openings.entity_code,
        openings.customer_code,
        openings.currency_code,
        openings.amount,
        openings.valid_from as event_date,
        openings.valid_to,
        openings.closing_count,
        openings.invoice_item_key,
        cast(null as varchar) as receipt_item_key,
        0 as event_order,
        openings.invoice_item_key as event_key
    from openings

    union all

    select
        receipts.entity_code,
        receipts.customer_code,
        receipts.currency_code,
        receipts.amount,
        receipts.receipt_date as event_date,
        cast(null as date) as valid_to,
        cast(null as bigint) as closing_count,
        cast(null as varchar) as invoice_item_key,
        receipts.receipt_item_key,
        1 as event_order,
        receipts.receipt_item_key as event_key
    from receipts
    where receipts.reversed_on is null

),

numbered as (

    select
        events.*,
        row_number() over event_days as event_number,
        max(events.valid_to) over (
            partition by
                events.entity_code, events.customer_code, events.currency_code, events.amount
            order by events.event_date, events.event_order, events.event_key
            rows between unbounded preceding and 1 preceding
        ) as last_valid_to
    from events
    window event_days as (
        partition by events.entity_code, events.customer_code, events.currency_code, events.amount
        order by events.event_date, events.event_order, events.event_key
    )

),

-- A spell ends when no invoice has the amount any longer. An invoice is offered to the next
-- receipt.
spells as (

    select
        numbered.*,
        sum(
            case
                when numbered.event_order = 1 then 0
                when numbered.last_valid_to > numbered.event_date then 0
                else 1
            end
        ) over amount_events as spell_number,
        min(case when numbered.event_order = 1 then numbered.event_number end) over (
            partition by
                numbered.entity_code, numbered.customer_code, numbered.currency_code,
                numbered.amount
            order by numbered.event_number rows between current row and unbounded following
        ) as offered_to_number
    from numbered
    window amount_events as (
        partition by
            numbered.entity_code, numbered.customer_code, numbered.currency_code, numbered.amount
        order by numbered.event_number rows between unbounded preceding and current row
    )

),

offers as (

    select
        spells.entity_code,
        spells.customer_code,
        spells.currency_code,
        spells.amount,
        spells.invoice_item_key,
        spells.event_date as valid_from,
        spells.valid_to,
        spells.closing_count,
        next_receipts.event_number
    from spells
    left join spells as next_receipts
        on
            spells.entity_code = next_receipts.entity_code
            and spells.customer_code = next_receipts.customer_code
            and spells.currency_code = next_receipts.currency_code
            and spells.amount = next_receipts.amount
            and spells.offered_to_number = next_receipts.event_number
            and spells.valid_to > next_receipts.event_date
    where spells.event_order = 0

),

-- An invoice that was offered with another balance before, and not closed since, may be paid in
-- part: it counts as two, so that nothing is decided with it.
weighed as (

    select
        offers.*,
        case
            when count(offers.event_number) over (
                partition by offers.invoice_item_key, offers.closing_count
                order by offers.valid_from rows between unbounded preceding and 1 preceding
            ) > 0 then 2
            else 1
        end as weight
    from offers

),

offered as (

    select
        spells.entity_code,
        spells.customer_code,
        spells.currency_code,
        spells.amount,
        spells.event_number,
        spells.spell_number,
        spells.receipt_item_key,
        spells.event_date as receipt_date,
        coalesce(spells.last_valid_to > spells.event_date, false) as is_in_spell,
        coalesce(sum(weighed.weight), 0) as offer_weight,
        min(weighed.invoice_item_key) as invoice_item_key,
        min(weighed.valid_from) as valid_from
    from spells
    left join weighed
        on
            spells.entity_code = weighed.entity_code
            and spells.customer_code = weighed.customer_code
            and spells.currency_code = weighed.currency_code
            and spells.amount = weighed.amount
            and spells.event_number = weighed.event_number
    where spells.event_order = 1
    group by all

),

judged as (

    select
        offered.*,
        offered.is_in_spell and max(offered.offer_weight) over (
            partition by
                offered.entity_code, offered.customer_code, offered.currency_code, offered.amount,
                offered.spell_number
            order by offered.event_number rows between unbounded preceding and current row
        ) > 1 as is_ambiguous
    from offered

),

-- A receipt that bounces holds for as long as it stands what no receipt that stands has taken; of
-- several such receipts, the first.
bounced as (

    select
        receipts.*,
        max(receipts.reversed_on) over (
            partition by
                receipts.entity_code, receipts.customer_code, receipts.currency_code,
                receipts.amount
            order by receipts.receipt_date, receipts.receipt_item_key
            rows between unbounded preceding and 1 preceding
        ) as earlier_reversed_on
    from receipts
    where receipts.reversed_on is not null

),

bounced_choices as (

    select
        bounced.receipt_item_key,
        bounced.receipt_date,
        bounced.earlier_reversed_on,
        sum(weighed.weight) as choice_weight,
        min(weighed.invoice_item_key) as invoice_item_key,
        min(weighed.valid_from) as valid_from,
        nullif(min(least(takers.receipt_date, weighed.valid_to)), date '9999-12-31') as taken_on
    from bounced
    inner join weighed
        on
            bounced.entity_code = weighed.entity_code
            and bounced.customer_code = weighed.customer_code
            and bounced.currency_code = weighed.currency_code
            and bounced.amount = weighed.amount
            and bounced.receipt_date >= weighed.valid_from
            and bounced.receipt_date < weighed.valid_to
    left join judged as takers
        on
            weighed.invoice_item_key = takers.invoice_item_key
            and weighed.valid_from = takers.valid_from
            and not takers.is_ambiguous
    where takers.receipt_date is null or takers.receipt_date > bounced.receipt_date
    group by bounced.receipt_item_key, bounced.receipt_date, bounced.earlier_reversed_on

),

chosen as (

    select
        judged.receipt_item_key,
        judged.invoice_item_key,
        judged.receipt_date,
        judged.valid_from,
        cast(null as date) as taken_on,
        judged.is_ambiguous
    from judged
    where judged.is_ambiguous or judged.offer_weight = 1

    union all

    select
        bounced_choices.receipt_item_key,
        bounced_choices.invoice_item_key,
        bounced_choices.receipt_date,
        bounced_choices.valid_from,
        bounced_choices.taken_on,
        bounced_choices.choice_weight > 1
        or coalesce(bounced_choices.earlier_reversed_on > bounced_choices.receipt_date, false)
            as is_ambiguous
    from bounced_choices

),

matches as (

    select
        chosen.receipt_item_key,
        chosen.invoice_item_key,
        chosen.receipt_date as matched_on,
        receipts.amount,
        cast(0 as decimal(18, 2)) as floor_amount,
        openings.lowest_balance,
        least(chosen.taken_on, receipts.needed_on) as ends_on
    from chosen
    inner join receipts on chosen.receipt_item_key = receipts.receipt_item_key
    inner join openings
        on
            chosen.invoice_item_key = openings.invoice_item_key
            and chosen.valid_from = openings.valid_from
    where not chosen.is_ambiguous

),

pieces as (

    {{ released_pieces('matches', 'balances') }}

)

select
    pieces.receipt_item_key,
    pieces.invoice_item_key,
    pieces.matched_on,
    pieces.amount,
    pieces.released_on,
    receipts.receipt_date,
    receipts.reversed_on,
    cast(null as varchar) as issue_code

from pieces
inner join receipts on pieces.receipt_item_key = receipts.receipt_item_key

union all

select
    chosen.receipt_item_key,
    cast(null as varchar) as invoice_item_key,
    receipts.receipt_date as matched_on,
    cast(0 as decimal(18, 2)) as amount,
    cast(null as date) as released_on,
    receipts.receipt_date,
    receipts.reversed_on,
    'ambiguous_amount' as issue_code

from chosen
inner join receipts on chosen.receipt_item_key = receipts.receipt_item_key
where chosen.is_ambiguous
