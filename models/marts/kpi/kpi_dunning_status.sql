-- What is open by the dunning level it has reached.
-- Grain: one row per period (month, quarter, year), entity, segment and level in which something
-- is open.
with

parts as (

    select parts.* from {{ ref('int_period_parts') }} as parts
    where parts.period_grain <> 'day'

)

select
    {{ slice_columns('parts') }},
    case balances.level_order
        when 0 then 'none'
        when 4 then 'formal_notice'
        when 5 then 'legal'
        else cast(balances.level_order as varchar)
    end as dunning_level,
    balances.level_order,
    balances.open_amount,
    balances.item_count

from parts
inner join {{ ref('int_dunning_balances') }} as balances
    on parts.as_of_date = balances.as_of_date and parts.slice_id = balances.slice_id
