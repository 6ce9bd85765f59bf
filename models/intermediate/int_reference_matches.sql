-- Receipts matched with the invoices whose numbers stand in their text (ADR 0018). Claims on an
-- invoice are served in the order of their days, as far as the books leave it open.
-- Grain: one row per receipt, invoice and day of release; and one per receipt whose text is
-- ambiguous, without invoice.
{%- set most_words = 4 %}
{%- set passes = 3 %}
with

receipts as (

    select receipts.* from {{ ref('int_matchable_receipts') }} as receipts
    where receipts.by_reference and receipts.reference is not null

),

entities as (

    select distinct receipts.entity_code from receipts

),

balances as (

    select * from {{ ref('int_booked_balances') }}

),

invoices as (

    select
        items.item_key,
        items.entity_code,
        items.customer_code,
        items.currency_code,
        items.document_number,
        items.booking_date,
        items.due_date,
        {{ words_in('items.document_number') }} as words
    from {{ ref('int_receivable_items') }} as items
    inner join entities on items.entity_code = entities.entity_code
    where items.item_side = 'debit'

),

numbers as (

    select
        invoices.*,
        length(invoices.words) - length(replace(invoices.words, ' ', '')) + 1 as word_count,
        replace(invoices.words, ' ', '') as written,
        {{ without_leading_zeros("replace(invoices.words, ' ', '')") }} as compared,
        {{ regexp_group('invoices.words', '[A-Z]') }} <> '' as has_letter
    from invoices
    where
        length(replace(invoices.words, ' ', '')) >= 3
        and {{ regexp_group('invoices.words', '[1-9]') }} <> ''

),

words as (

    {{ words_of(
        'receipts', ['receipt_item_key', 'entity_code'], 'reference', following=most_words - 1
    ) }}

),

-- A number may be written with blanks or signs in it: words next to each other, as one. And a
-- creditor reference of ISO 11649 holds it behind RF and two check digits.
tokens as (

    {% for length in range(1, most_words + 1) %}
    {%- set written = ['words.word'] %}
    {%- for distance in range(1, length) %}
    {%- do written.append('words.word_' ~ distance) %}
    {%- endfor %}
    {%- if not loop.first %}
    union all

    {% endif -%}
    select
        words.receipt_item_key,
        words.entity_code,
        words.word_position,
        {{ length }} as word_count,
        false as is_creditor_reference,
        {{ written | join(' || ') }} as written
    from words
    {%- if length > 1 %}
    where words.word_{{ length - 1 }} is not null
    {%- endif %}

    union all

    select
        words.receipt_item_key,
        words.entity_code,
        words.word_position,
        {{ length }} as word_count,
        true as is_creditor_reference,
        {{ regexp_group(written | join(' || '), '^RF[0-9][0-9]([0-9A-Z]+)$', 1) }} as written
    from words
    where
        words.word like 'RF%'
        {%- if length > 1 %}
        and words.word_{{ length - 1 }} is not null
        {%- endif %}

    {% endfor %}
),

found as (

    select
        tokens.receipt_item_key,
        tokens.word_position,
        tokens.word_position + tokens.word_count as next_position,
        numbers.item_key as invoice_item_key,
        tokens.written = numbers.written as is_written_alike
    from tokens
    inner join numbers
        on
            tokens.entity_code = numbers.entity_code
            and {{ without_leading_zeros('tokens.written') }} = numbers.compared
    inner join receipts on tokens.receipt_item_key = receipts.receipt_item_key
    where
        length(tokens.written) >= 3
        and receipts.currency_code = numbers.currency_code
        and receipts.customer_code in (numbers.customer_code, '(unknown)')
        -- Digits alone are one number only where the number itself is written in as many parts.
        and (
            tokens.word_count in (1, numbers.word_count)
            or tokens.is_creditor_reference
            or numbers.has_letter
        )

),

-- What is part of a longer number that was found is no number of its own.
longest as (

    select found.* from found
    left join found as longer
        on
            found.receipt_item_key = longer.receipt_item_key
            and found.word_position >= longer.word_position
            and found.next_position <= longer.next_position
            and found.next_position - found.word_position
            < longer.next_position - longer.word_position
    where longer.receipt_item_key is null

),

counted as (

    select
        longest.*,
        count(*) over place as fitting_count,
        sum(case when longest.is_written_alike then 1 else 0 end) over place as alike_count
    from longest
    window place as (
        partition by longest.receipt_item_key, longest.word_position, longest.next_position
    )

),

-- Without leading zeros two numbers may be one: the one written alike, or neither.
named as (

    select distinct
        counted.receipt_item_key,
        counted.invoice_item_key
    from counted
    where
        counted.fitting_count = 1
        or (counted.alike_count = 1 and counted.is_written_alike)

),

ambiguous as (

    select distinct counted.receipt_item_key
    from counted
    where counted.fitting_count > 1 and counted.alike_count <> 1

),

dated as (

    select
        receipts.receipt_item_key,
        receipts.receipt_date,
        receipts.reversed_on,
        receipts.amount,
        numbers.item_key as invoice_item_key,
        numbers.document_number,
        numbers.due_date,
        greatest(receipts.receipt_date, numbers.booking_date) as matched_on
    from named
    inner join receipts on named.receipt_item_key = receipts.receipt_item_key
    inner join numbers on named.invoice_item_key = numbers.item_key

),

open_invoices as (

    select
        dated.*,
        balances.balance,
        balances.lowest_balance,
        coalesce(
            sum(balances.balance) over (
                partition by dated.receipt_item_key
                order by dated.matched_on, dated.due_date nulls last, dated.document_number
                rows between unbounded preceding and 1 preceding
            ), 0
        ) as earlier_balance
    from dated
    inner join balances
        on
            dated.invoice_item_key = balances.item_key
            and dated.matched_on >= balances.valid_from
            and dated.matched_on < balances.valid_to
    where
        balances.balance > 0
        and (dated.reversed_on is null or dated.reversed_on > dated.matched_on)

),

-- The money of a receipt goes to the invoices it names, the one due first before the others.
claims as (

    select
        open_invoices.*,
        cast(
            least(open_invoices.balance, open_invoices.amount - open_invoices.earlier_balance)
            as decimal(18, 2)
        ) as claimed_amount
    from open_invoices
    where open_invoices.amount > open_invoices.earlier_balance

),

-- A claim and its end, for every invoice in order.
claim_events as (

    select
        claims.invoice_item_key,
        claims.receipt_item_key,
        claims.receipt_date,
        claims.matched_on as event_date,
        1 as event_order,
        claims.balance,
        claims.claimed_amount,
        claims.claimed_amount as served_0
    from claims

    union all

    select
        claims.invoice_item_key,
        claims.receipt_item_key,
        claims.receipt_date,
        claims.reversed_on as event_date,
        0 as event_order,
        claims.balance,
        claims.claimed_amount,
        claims.claimed_amount as served_0
    from claims
    where claims.reversed_on is not null

),

-- What a claim is served depends on what those before it were. To take for that what they claim is
-- too much, so it gives too little, which gives too much in the next pass, and so on: each pass is
-- nearer, and the last one gives never too much.
{% for pass in range(1, passes + 1) -%}
held_{{ pass }} as (

    select
        events.invoice_item_key,
        events.receipt_item_key,
        events.receipt_date,
        events.event_date,
        events.event_order,
        events.balance,
        events.claimed_amount,
        coalesce(
            sum(
                case when events.event_order = 1 then 1 else -1 end * events.served_{{ pass - 1 }}
            ) over (
                partition by events.invoice_item_key
                order by
                    events.event_date, events.event_order, events.receipt_date,
                    events.receipt_item_key
                rows between unbounded preceding and 1 preceding
            ), 0
        ) as held_before
    from {{ 'claim_events' if pass == 1 else 'served_' ~ (pass - 1) }} as events

),

served_{{ pass }} as (

    select
        held.invoice_item_key,
        held.receipt_item_key,
        held.receipt_date,
        held.event_date,
        held.event_order,
        held.balance,
        held.claimed_amount,
        held.held_before,
        max(
            case
                when held.event_order = 1
                    then greatest(least(held.claimed_amount, held.balance - held.held_before), 0)
            end
        ) over (partition by held.invoice_item_key, held.receipt_item_key) as served_{{ pass }}
    from held_{{ pass }} as held

),

{% endfor -%}
served as (

    select
        claims.receipt_item_key,
        claims.invoice_item_key,
        claims.matched_on,
        cast(served.served_{{ passes }} as decimal(18, 2)) as amount,
        served.held_before as floor_amount,
        claims.lowest_balance,
        cast(null as date) as ends_on
    from claims
    inner join served_{{ passes }} as served
        on
            claims.invoice_item_key = served.invoice_item_key
            and claims.receipt_item_key = served.receipt_item_key
    where served.event_order = 1 and served.served_{{ passes }} > 0

),

pieces as (

    {{ released_pieces('served', 'balances') }}

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
    receipts.receipt_item_key,
    cast(null as varchar) as invoice_item_key,
    receipts.receipt_date as matched_on,
    cast(0 as decimal(18, 2)) as amount,
    cast(null as date) as released_on,
    receipts.receipt_date,
    receipts.reversed_on,
    'ambiguous_reference' as issue_code

from ambiguous
inner join receipts on ambiguous.receipt_item_key = receipts.receipt_item_key
