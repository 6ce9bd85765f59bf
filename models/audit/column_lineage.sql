-- What each column is made of and what decides it, one step back; `*` stands for the rows.
-- Grain: one row per column, column that it reads, and kind.
with

model_columns as (

    select * from {{ source('run', 'model_columns') }}

),

source_columns as (

    select * from {{ source('run', 'source_columns') }}

),

steps as (

    select
        model_columns.schema as schema_name,
        model_columns.name as table_name,
        model_columns.column_name,
        model_columns.type as table_type,
        model_columns.upstream_schema as upstream_schema_name,
        model_columns.upstream_name as upstream_table_name,
        model_columns.upstream_column as upstream_column_name,
        model_columns.upstream_type,
        model_columns.kind,
        model_columns.transformations,
        cast(null as varchar) as source_expression
    from model_columns

    union all

    select
        'raw' as schema_name,
        source_columns.feed as table_name,
        source_columns.feed_column as column_name,
        'feed' as table_type,
        source_columns.source as upstream_schema_name,
        source_columns.path as upstream_table_name,
        coalesce(source_columns.file_column, '(constant)') as upstream_column_name,
        'file' as upstream_type,
        source_columns.kind,
        source_columns.transformations,
        source_columns.expression as source_expression
    from source_columns

)

select
    steps.schema_name,
    steps.table_name,
    steps.column_name,
    steps.table_type,
    steps.upstream_schema_name,
    steps.upstream_table_name,
    steps.upstream_column_name,
    steps.upstream_type,
    steps.kind,
    -- A column that a source maps in two ways over time has both.
    {{ list_text('steps.transformations') }} as transformations,
    {{ list_text('steps.source_expression') }} as source_expression

from steps
group by
    steps.schema_name, steps.table_name, steps.column_name, steps.table_type,
    steps.upstream_schema_name, steps.upstream_table_name, steps.upstream_column_name,
    steps.upstream_type, steps.kind
