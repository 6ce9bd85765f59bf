{#- The rows in force of a feed about customers, whose entity may be empty: valid for all entities.
    Where several sources describe a customer so, each knows its own customer of that code: its rows
    are given to the entities whose documents the source supplies, unless the entity has a row of
    its own, or, with `beside_own`, also then. Rows of sources without documents stay valid for all.
    `is_common` says that a row was not supplied for its entity alone. -#}
{% macro rows_by_entity(feed, beside_own=false) -%}
    {%- set columns = feed_columns(feed) -%}
    {%- set others = feed_key(feed) | reject('equalto', 'entity_code') | list -%}
    {%- set lineage = ['_source', '_source_file', '_source_row', '_load_id'] -%}
    select
        {%- for column in columns.values() %}
        ranked.{{ column.name }},
        {%- endfor %}
        ranked._source,
        ranked._source_file,
        ranked._source_row,
        ranked._load_id,
        ranked.is_common
    from (
        select
            candidates.*,
            row_number() over (
                partition by
                    candidates.entity_code, {{ others | join(', ') }}
                    {{- ', candidates.is_common' if beside_own }}
                order by
                    candidates.is_common, candidates._load_id desc, candidates._source desc,
                    candidates._source_file desc, candidates._source_row desc
            ) as recency
        from (
            select
                {%- for column in columns.values() if column.name != 'entity_code' %}
                versions.{{ column.name }},
                {%- endfor %}
                {%- for name in lineage %}
                versions.{{ name }},
                {%- endfor %}
                coalesce(versions.entity_code, supplied.entity_code) as entity_code,
                versions.entity_code is null as is_common
            from (
                select
                    raw_rows.*,
                    min(raw_rows._source) over describing <> max(raw_rows._source) over describing
                        as is_shared
                from {{ source('raw', feed) }} as raw_rows
                window describing as (
                    partition by raw_rows.customer_code, raw_rows.entity_code is null
                )
            ) as versions
            left join (
                select
                    invoices._source,
                    invoices.entity_code
                from {{ source('raw', 'invoices') }} as invoices
                union
                select
                    receipts._source,
                    receipts.entity_code
                from {{ source('raw', 'receipts') }} as receipts
            ) as supplied
                on
                    versions._source = supplied._source
                    and versions.is_shared
                    and versions.entity_code is null
        ) as candidates
    ) as ranked
    where ranked.recency = 1
{%- endmacro %}
