-- Every run: when, by which code, over which inputs, and how it ended. A reader sees a run as
-- published because nobody reads it before.
-- Grain: one row per run.
with

runs as (

    select * from {{ source('run', 'runs') }}

)

select * from runs
