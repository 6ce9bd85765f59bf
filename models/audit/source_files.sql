-- Every file that was read, with the hash of its content.
-- Grain: one row per load, source and file.
with

source_files as (

    select * from {{ source('run', 'source_files') }}

)

select
    source_files.load_id,
    source_files.loaded_at,
    source_files.source as source_name,
    source_files.source_file,
    source_files.sha256,
    source_files.bytes as byte_count,
    source_files.rows_read as row_count,
    source_files.rows_accepted as accepted_row_count,
    source_files.rows_refused as refused_row_count,
    source_files.rows_merged as merged_row_count,
    source_files.feeds

from source_files
