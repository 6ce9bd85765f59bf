-- An as-of date before the first movement leaves nothing to publish.
select
    'The as-of date ' || cast(run.as_of_date as varchar) || ' is before the first movement on '
    || cast(run.first_movement_date as varchar) || ': give a later one with --as-of' as message
from {{ ref('int_run') }} as run
where run.as_of_date < run.first_movement_date
