-- What happens after the as-of date does not exist in any table.
select 'fct_open_item_history has an interval after the as-of date' as message
from {{ ref('fct_open_item_history') }} as history
cross join {{ ref('int_run') }} as run
where
    history.valid_from > run.as_of_date
    or (history.valid_to > run.as_of_date and history.valid_to <> date '9999-12-31')

union all

select 'fct_receivables_daily has a day after the as-of date' as message
from {{ ref('fct_receivables_daily') }} as daily
cross join {{ ref('int_run') }} as run
where daily.snapshot_date > run.as_of_date
