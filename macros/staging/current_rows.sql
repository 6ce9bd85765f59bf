{#- The contract of a feed, as the sources under models/staging/feeds declare it. -#}
{% macro feed_columns(feed) -%}
    {%- if not execute -%} {{ return({}) }} {%- endif -%}
    {%- set found = graph.sources.values() | selectattr('source_name', 'equalto', 'raw')
        | selectattr('name', 'equalto', feed) | list -%}
    {{ return(found[0].columns) }}
{%- endmacro %}

{#- Names of the columns that identify a row of a feed. -#}
{% macro feed_key(feed) -%}
    {%- set keys = [] -%}
    {%- for column in feed_columns(feed).values() -%}
        {%- if column.meta.get('role') in ('key', 'optional_key') -%}
            {%- do keys.append(column.name) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(keys) }}
{%- endmacro %}

{#- The key of a row of a feed as one text. -#}
{% macro feed_key_text(feed, relation) -%}
    {%- for key in feed_key(feed) -%}
        {{ " || '|' || " if not loop.first }}coalesce(cast({{ relation }}.{{ key }} as varchar), '')
    {%- else -%}
        ''
    {%- endfor -%}
{%- endmacro %}

{#- The rows of a feed in force: of each key the version loaded last. The raw relation holds no
    load past `known_at` and no snapshot that a newer one of the same source replaces. -#}
{% macro current_rows(feed) -%}
    {%- set relation = source('raw', feed) -%}
    {%- set columns = feed_columns(feed) -%}
    {%- set keys = feed_key(feed) -%}
    select
        {%- for column in columns.values() %}
        versions.{{ column.name }},
        {%- endfor %}
        versions._source,
        versions._source_file,
        versions._source_row,
        versions._load_id
    from (
        select
            raw_rows.*,
            row_number() over (
                partition by {{ keys | join(', ') if keys else '1' }}
                order by
                    raw_rows._load_id desc, raw_rows._source desc,
                    raw_rows._source_file desc, raw_rows._source_row desc
            ) as recency
        from {{ relation }} as raw_rows
    ) as versions
    where versions.recency = 1
{%- endmacro %}
