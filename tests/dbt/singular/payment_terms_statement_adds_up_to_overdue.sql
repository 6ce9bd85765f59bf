-- What the statement of art. D.441-6 shows past its term, disputed invoices included, is what
-- kpi_ageing shows as overdue at the end of the year, but for invoices paid more than once. The
-- tolerance is half a cent, and a millionth per row added: amounts are rounded in each row.
with

reports as (

    select
        report.entity_code,
        report.closing_date,
        sum(
            case
                when report.tranche in ('total_1_and_over', 'excluded_disputed')
                    then report.gross_amount
            end
        ) as overdue_amount,
        sum(
            case
                when report.tranche = 'total_1_and_over' then report.gross_amount
                when report.tranche in ('1_30', '31_60', '61_90', '91_and_over')
                    then -report.gross_amount
                else 0
            end
        ) as total_difference
    from {{ ref('rpt_payment_terms_d441_6') }} as report
    group by report.entity_code, report.closing_date

),

overpaid as (

    select
        dimension_sets.entity_code,
        items.as_of_date,
        sum(items.open_amount_reporting) as overpaid_amount,
        count(*) as item_count
    from {{ ref('int_items_month_end') }} as items
    inner join {{ ref('int_dimension_sets') }} as dimension_sets
        on items.dimension_set_id = dimension_sets.dimension_set_id
    where items.item_side = 'debit' and items.open_amount < 0 and items.days_overdue > 0
    group by dimension_sets.entity_code, items.as_of_date

),

ageing as (

    select ageing.* from {{ ref('kpi_ageing') }} as ageing
    where
        ageing.period_grain = 'year'
        and ageing.is_period_complete
        and ageing.segment_type = 'all'
        and ageing.entity_code <> 'ALL'

)

select
    'Entity ' || ageing.entity_code || ' on ' || cast(ageing.period_end as varchar)
    || ': the statement holds ' || cast(reports.overdue_amount as varchar) || ', kpi_ageing '
    || cast(ageing.overdue_amount as varchar) || ' of which paid more than once '
    || cast(coalesce(overpaid.overpaid_amount, 0) as varchar) as message
from ageing
left join reports
    on
        ageing.entity_code = reports.entity_code
        and ageing.period_end = reports.closing_date
left join overpaid
    on
        ageing.entity_code = overpaid.entity_code
        and ageing.period_end = overpaid.as_of_date
where
    reports.entity_code is null
    or abs(
        reports.overdue_amount + coalesce(overpaid.overpaid_amount, 0) - ageing.overdue_amount
    ) >= 0.005 + 0.000001 * coalesce(overpaid.item_count, 0)
    or abs(reports.total_difference) >= 0.005
