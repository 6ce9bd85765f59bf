-- What a reader of a whole ledger could not tell apart.
-- Grain: one row per entity and finding.
with

reading_issues as (

    {{ current_rows('reading_issues') }}

)

select * from reading_issues
