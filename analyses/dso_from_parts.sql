-- How is a DSO cut in a way that no table has, such as two regions together?
-- Parts add up; ratios are made again from them and never averaged.
select
    dso.period_start,
    sum(dso.receivables_amount) as receivables_amount,
    sum(dso.revenue_amount) as revenue_amount,
    {{ dso_days(
        'sum(dso.receivables_amount)', 'sum(dso.revenue_amount)', 'max(dso.days_in_period)'
    ) }} as dso_days

from {{ ref('kpi_dso') }} as dso
where
    dso.period_grain = 'month'
    and dso.entity_code = 'ALL'
    and dso.segment_type = 'region'
    and dso.segment_code in ('Bayern', 'Nordrhein-Westfalen')
group by dso.period_start
order by dso.period_start
