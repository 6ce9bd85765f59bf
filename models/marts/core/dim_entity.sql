-- Legal entities, and the group as `ALL`.
-- Grain: one row per entity code that a mart can show.
with

entities as (

    select * from {{ ref('stg_entities') }}

),

used as (

    select entities.entity_code from entities

    union

    select dimension_sets.entity_code from {{ ref('int_dimension_sets') }} as dimension_sets

),

named as (

    select
        used.entity_code,
        coalesce(entities.entity_name, used.entity_code) as entity_name,
        entities.country_code,
        false as is_group
    from used
    left join entities on used.entity_code = entities.entity_code

    union all

    select
        'ALL' as entity_code,
        'Group' as entity_name,
        cast(null as varchar) as country_code,
        true as is_group

)

select * from named
