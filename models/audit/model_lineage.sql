-- Which table is made from which: delivered files, feeds, models, up to what is published.
-- Grain: one row per table and table or file that it reads.
with

models as (

    select * from {{ source('run', 'model_tables') }}

),

source_columns as (

    select * from {{ source('run', 'source_columns') }}

)

select
    models.schema as schema_name,
    models.name as table_name,
    models.type as table_type,
    models.upstream_schema as upstream_schema_name,
    models.upstream_name as upstream_table_name,
    models.upstream_type

from models

union all

select distinct
    'raw' as schema_name,
    source_columns.feed as table_name,
    'feed' as table_type,
    source_columns.source as upstream_schema_name,
    source_columns.path as upstream_table_name,
    'file' as upstream_type

from source_columns
