-- Which customers made overdue receivables rise or fall over the last complete month?
with

months as (

    select max(periods.period_start) as period_start
    from {{ ref('dim_period') }} as periods
    where periods.period_grain = 'month' and periods.is_period_complete

)

select
    segments.segment_name as customer_name,
    ageing.opening_overdue_amount,
    ageing.overdue_amount,
    ageing.overdue_amount - ageing.opening_overdue_amount as overdue_change_amount

from {{ ref('kpi_ageing') }} as ageing
inner join months on ageing.period_start = months.period_start
inner join {{ ref('dim_segment') }} as segments
    on
        ageing.segment_type = segments.segment_type
        and ageing.segment_code = segments.segment_code
where
    ageing.period_grain = 'month'
    and ageing.entity_code = 'ALL'
    and ageing.segment_type = 'customer'
order by abs(ageing.overdue_amount - ageing.opening_overdue_amount) desc
limit 20
