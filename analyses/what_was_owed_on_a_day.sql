-- What did each customer owe at the end of a past day, as it was then?
-- Change the day; no status of today enters the answer.
select
    history.entity_code,
    history.customer_code,
    history.currency_code,
    sum(history.open_amount) as open_amount,
    sum(history.open_amount) filter (where history.due_date < date '2026-03-31') as overdue_amount,
    count(*) as item_count

from {{ ref('fct_open_item_history') }} as history
where
    history.valid_from <= date '2026-03-31'
    and history.valid_to > date '2026-03-31'
    and history.open_amount <> 0
group by history.entity_code, history.customer_code, history.currency_code
order by open_amount desc
