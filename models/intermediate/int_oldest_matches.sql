-- Receipts matched with the oldest open invoices of their customer, as far as their money goes
-- (ADR 0018). Invoices take what the books and the stronger rules leave of them for good; they and
-- the receipts lie one behind the other on a line of money, and what overlaps belongs together.
-- Grain: one row per receipt and invoice.
with

stronger as (

    select matches.* from {{ ref('int_reference_matches') }} as matches
    where matches.issue_code is null

    union all

    select matches.* from {{ ref('int_amount_matches') }} as matches
    where matches.issue_code is null

),

matched as (

    select
        stronger.receipt_item_key,
        sum(case when stronger.matched_on = stronger.receipt_date then stronger.amount end)
            as matched_amount,
        min(case when stronger.matched_on > stronger.receipt_date then stronger.matched_on end)
            as needed_on
    from stronger
    group by stronger.receipt_item_key

),

receipts as (

    select
        receipts.receipt_item_key,
        receipts.entity_code,
        receipts.customer_code,
        receipts.currency_code,
        receipts.receipt_date,
        receipts.reversed_on,
        cast(receipts.amount - coalesce(matched.matched_amount, 0) as decimal(18, 2)) as amount,
        matched.needed_on
    from {{ ref('int_matchable_receipts') }} as receipts
    left join matched on receipts.receipt_item_key = matched.receipt_item_key
    where receipts.by_age and receipts.amount > coalesce(matched.matched_amount, 0)

),

customers as (

    select distinct
        receipts.entity_code,
        receipts.customer_code,
        receipts.currency_code
    from receipts

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
        matched_changes.item_key,
        matched_changes.change_date,
        matched_changes.change_amount
    from ({{ matched_changes('stronger') }}) as matched_changes
    inner join invoices on matched_changes.item_key = invoices.item_key

),

balances as (

    {{ balance_intervals('changes') }}

),

-- What is left of each invoice in the end, from the day from which it is never less.
lasting as (

    select
        balances.item_key,
        max(case when balances.valid_to = date '9999-12-31' then balances.balance end)
            as left_amount
    from balances
    group by balances.item_key
    having max(case when balances.valid_to = date '9999-12-31' then balances.balance end) > 0

),

available as (

    select
        lasting.item_key,
        lasting.left_amount,
        greatest(
            min(balances.valid_from),
            max(case when balances.balance < lasting.left_amount then balances.valid_to end)
        ) as available_from
    from lasting
    inner join balances on lasting.item_key = balances.item_key
    group by lasting.item_key, lasting.left_amount

),

-- An invoice queues up when it becomes available. Those that do between two receipts stand in the
-- order of their due dates, behind what earlier receipts found.
arrivals as (

    select
        invoices.entity_code,
        invoices.customer_code,
        invoices.currency_code,
        available.available_from as event_date,
        0 as event_order,
        invoices.item_key as event_key,
        available.left_amount,
        invoices.due_date,
        invoices.document_number
    from available
    inner join invoices on available.item_key = invoices.item_key

    union all

    select
        receipts.entity_code,
        receipts.customer_code,
        receipts.currency_code,
        receipts.receipt_date as event_date,
        1 as event_order,
        receipts.receipt_item_key as event_key,
        cast(0 as decimal(18, 2)) as left_amount,
        cast(null as date) as due_date,
        cast(null as varchar) as document_number
    from receipts

),

queued as (

    select
        arrivals.*,
        sum(arrivals.event_order) over (
            partition by arrivals.entity_code, arrivals.customer_code, arrivals.currency_code
            order by arrivals.event_date, arrivals.event_order, arrivals.event_key
            rows between unbounded preceding and current row
        ) as earlier_receipt_count
    from arrivals

),

line as (

    select
        queued.event_key as invoice_item_key,
        queued.entity_code,
        queued.customer_code,
        queued.currency_code,
        queued.event_date as available_from,
        queued.left_amount,
        row_number() over account_invoices as line_number,
        sum(queued.left_amount) over account_invoices as line_end
    from queued
    where queued.event_order = 0
    window account_invoices as (
        partition by queued.entity_code, queued.customer_code, queued.currency_code
        order by
            queued.earlier_receipt_count, queued.due_date nulls last, queued.document_number
        rows between unbounded preceding and current row
    )

),

-- Of one day: invoices, then receipts, then receipts that will bounce.
events as (

    select
        line.entity_code,
        line.customer_code,
        line.currency_code,
        line.available_from as event_date,
        0 as event_order,
        line.invoice_item_key as event_key,
        line.line_end,
        cast(0 as decimal(18, 2)) as brought_amount
    from line

    union all

    select
        receipts.entity_code,
        receipts.customer_code,
        receipts.currency_code,
        receipts.receipt_date as event_date,
        case when receipts.reversed_on is null then 1 else 2 end as event_order,
        receipts.receipt_item_key as event_key,
        cast(null as decimal(38, 2)) as line_end,
        case when receipts.reversed_on is null then receipts.amount else 0 end as brought_amount
    from receipts

),

cumulated as (

    select
        events.*,
        coalesce(max(events.line_end) over account_events, 0) as supply_end,
        sum(events.brought_amount) over account_events as brought_end
    from events
    window account_events as (
        partition by events.entity_code, events.customer_code, events.currency_code
        order by events.event_date, events.event_order, events.event_key
        rows between unbounded preceding and current row
    )

),

-- How far the receipts have come on the line. What finds no invoice stays unallocated: the least
-- lead of the invoices over the money so far, where that is negative, is the money left over.
reached as (

    select
        cumulated.*,
        cumulated.brought_end + least(
            min(
                case
                    when cumulated.event_order = 1
                        then cumulated.supply_end - cumulated.brought_end
                end
            ) over account_events,
            0
        ) as reached_end
    from cumulated
    window account_events as (
        partition by cumulated.entity_code, cumulated.customer_code, cumulated.currency_code
        order by cumulated.event_date, cumulated.event_order, cumulated.event_key
        rows between unbounded preceding and current row
    )

),

spans as (

    select
        reached.entity_code,
        reached.customer_code,
        reached.currency_code,
        reached.event_key as receipt_item_key,
        reached.event_date,
        reached.event_order,
        reached.supply_end,
        coalesce(
            lag(reached.reached_end) over (
                partition by reached.entity_code, reached.customer_code, reached.currency_code
                order by reached.event_date, reached.event_order, reached.event_key
            ), 0
        ) as span_start,
        reached.reached_end as span_end,
        row_number() over (
            partition by reached.entity_code, reached.customer_code, reached.currency_code
            order by reached.event_date, reached.event_order, reached.event_key
        ) as receipt_number,
        min(case when reached.event_order = 1 then reached.event_date end) over (
            partition by reached.entity_code, reached.customer_code, reached.currency_code
            order by reached.event_date, reached.event_order, reached.event_key
            rows between current row and unbounded following
        ) as next_receipt_date
    from reached

),

-- Cut at the end of every invoice and receipt, the line falls into pieces of one of each.
cuts as (

    select
        line.entity_code,
        line.customer_code,
        line.currency_code,
        line.line_end as line_position,
        line.line_number,
        cast(null as bigint) as receipt_number
    from line

    union all

    select
        spans.entity_code,
        spans.customer_code,
        spans.currency_code,
        spans.span_end as line_position,
        cast(null as bigint) as line_number,
        spans.receipt_number
    from spans
    where spans.event_order = 1 and spans.span_end > spans.span_start

),

cut_pieces as (

    select
        cuts.entity_code,
        cuts.customer_code,
        cuts.currency_code,
        cuts.line_position - coalesce(
            lag(cuts.line_position) over (
                partition by cuts.entity_code, cuts.customer_code, cuts.currency_code
                order by cuts.line_position, cuts.line_number, cuts.receipt_number
            ), 0
        ) as amount,
        min(cuts.line_number) over following_cuts as line_number,
        min(cuts.receipt_number) over following_cuts as receipt_number
    from cuts
    window following_cuts as (
        partition by cuts.entity_code, cuts.customer_code, cuts.currency_code
        order by cuts.line_position, cuts.line_number, cuts.receipt_number
        rows between current row and unbounded following
    )

),

standing_matches as (

    select
        spans.receipt_item_key,
        line.invoice_item_key,
        cut_pieces.amount,
        cast(null as date) as taken_on
    from cut_pieces
    inner join line
        on
            cut_pieces.entity_code = line.entity_code
            and cut_pieces.customer_code = line.customer_code
            and cut_pieces.currency_code = line.currency_code
            and cut_pieces.line_number = line.line_number
    inner join spans
        on
            cut_pieces.entity_code = spans.entity_code
            and cut_pieces.customer_code = spans.customer_code
            and cut_pieces.currency_code = spans.currency_code
            and cut_pieces.receipt_number = spans.receipt_number
    where cut_pieces.amount > 0

),

-- A receipt that bounces holds what lies behind the others, until it bounces or the next one comes;
-- of several such receipts, the first.
bounced as (

    select
        spans.entity_code,
        spans.customer_code,
        spans.currency_code,
        spans.receipt_item_key,
        spans.span_end as hold_start,
        least(spans.span_end + receipts.amount, spans.supply_end) as hold_end,
        spans.next_receipt_date,
        spans.event_date as receipt_date,
        max(receipts.reversed_on) over (
            partition by spans.entity_code, spans.customer_code, spans.currency_code
            order by spans.receipt_number rows between unbounded preceding and 1 preceding
        ) as earlier_reversed_on
    from spans
    inner join receipts on spans.receipt_item_key = receipts.receipt_item_key
    where spans.event_order = 2

),

bounced_matches as (

    select
        bounced.receipt_item_key,
        line.invoice_item_key,
        least(line.line_end, bounced.hold_end)
        - greatest(line.line_end - line.left_amount, bounced.hold_start) as amount,
        bounced.next_receipt_date as taken_on
    from bounced
    inner join line
        on
            bounced.entity_code = line.entity_code
            and bounced.customer_code = line.customer_code
            and bounced.currency_code = line.currency_code
            and bounced.hold_start < line.line_end
            and bounced.hold_end > line.line_end - line.left_amount
    where coalesce(bounced.earlier_reversed_on <= bounced.receipt_date, true)

),

matches as (

    select * from standing_matches
    union all
    select * from bounced_matches

)

select
    matches.receipt_item_key,
    matches.invoice_item_key,
    receipts.receipt_date as matched_on,
    cast(matches.amount as decimal(18, 2)) as amount,
    least(matches.taken_on, receipts.needed_on) as released_on,
    receipts.receipt_date,
    receipts.reversed_on,
    cast(null as varchar) as issue_code

from matches
inner join receipts on matches.receipt_item_key = receipts.receipt_item_key
