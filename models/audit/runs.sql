-- Every run: when, by which code, over which inputs, and how it ended. A reader sees a run as
-- published because nobody reads it before.
-- Grain: one row per run.
with

runs as (

    select * from {{ source('run', 'runs') }}

),

parameters as (

    select * from {{ source('run', 'run_parameters') }}

)

select
    runs.*,
    runs.run_id = parameters.run_id as is_current

from runs
cross join parameters
