-- With documents in the reporting currency only, every slice of every period rolls forward exactly:
-- opening + opening items + revenue - collected - written off - discounts + transfers = closing.
with

foreign_currencies as (

    select count(*) as currency_count
    from {{ ref('int_receivable_items') }} as items
    cross join {{ ref('int_run') }} as run
    where items.currency_code <> run.reporting_currency_code

)

select
    parts.period_grain || ' ' || cast(parts.period_start as varchar) || ', entity '
    || parts.entity_code || ', ' || parts.segment_type || ' ' || parts.segment_code || ': '
    || cast(parts.revaluation_amount as varchar) || ' is left over' as message
from {{ ref('int_period_parts') }} as parts
cross join foreign_currencies
where
    (foreign_currencies.currency_count = 0 and parts.revaluation_amount <> 0)
    or (
        parts.segment_type = 'all' and parts.transferred_amount <> 0
        and foreign_currencies.currency_count = 0
    )
