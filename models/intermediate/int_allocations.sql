-- Every allocation: as the books have it, and by the rules that match receipts without one.
-- Grain: one row per allocation; what of a match is released on a day of its own is one of its own.
with

matches as (

    select
        'reference' as matching_rule,
        'high' as confidence,
        reference_matches.*
    from {{ ref('int_reference_matches') }} as reference_matches

    union all

    select
        'exact_amount' as matching_rule,
        'medium' as confidence,
        amount_matches.*
    from {{ ref('int_amount_matches') }} as amount_matches

    union all

    select
        'oldest_first' as matching_rule,
        'low' as confidence,
        oldest_matches.*
    from {{ ref('int_oldest_matches') }} as oldest_matches

)

select
    booked.allocation_key,
    booked.kind,
    cast(null as varchar) as matching_rule,
    cast(null as varchar) as confidence,
    booked.target_item_key,
    booked.origin_item_key,
    booked.amount,
    booked.movement_date,
    booked.reversed_on,
    cast(null as date) as released_on,
    booked.origin_booking_date,
    booked.issue_code

from {{ ref('int_booked_allocations') }} as booked

union all

select
    'matched|' || matches.matching_rule || '|' || matches.receipt_item_key || '|'
    || matches.invoice_item_key
    || coalesce('|until ' || cast(matches.released_on as varchar), '') as allocation_key,
    'receipt' as kind,
    matches.matching_rule,
    matches.confidence,
    matches.invoice_item_key as target_item_key,
    matches.receipt_item_key as origin_item_key,
    matches.amount,
    matches.matched_on as movement_date,
    least(matches.reversed_on, matches.released_on) as reversed_on,
    matches.released_on,
    matches.receipt_date as origin_booking_date,
    matches.issue_code

from matches
where matches.issue_code is null
