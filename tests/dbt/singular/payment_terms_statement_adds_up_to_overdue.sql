-- What the statement of art. D.441-6 shows past its term, disputed invoices included, is what
-- kpi_ageing shows as overdue at the end of the year, but for invoices paid more than once. The
-- tolerance is half a cent, and a millionth per row added: amounts are rounded in each row.
with

statement as (

    select
        statement.entity_code,
        statement.closing_date,
        sum(statement.gross_amount)
            filter (where statement.tranche in ('total_1_and_over', 'excluded_disputed'))
            as overdue_amount,
        sum(statement.gross_amount) filter (where statement.tranche = 'total_1_and_over')
            as total_amount,
        sum(statement.gross_amount)
            filter (where statement.tranche in ('1_30', '31_60', '61_90', '91_and_over'))
            as tranches_amount
    from {{ ref('rpt_payment_terms_d441_6') }} as statement
    group by statement.entity_code, statement.closing_date

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
    || ': the statement holds ' || cast(statement.overdue_amount as varchar) || ', kpi_ageing '
    || cast(ageing.overdue_amount as varchar) || ' of which paid more than once '
    || cast(coalesce(overpaid.overpaid_amount, 0) as varchar) as message
from ageing
left join statement
    on
        ageing.entity_code = statement.entity_code
        and ageing.period_end = statement.closing_date
left join overpaid
    on
        ageing.entity_code = overpaid.entity_code
        and ageing.period_end = overpaid.as_of_date
where
    statement.entity_code is null
    or abs(
        statement.overdue_amount + coalesce(overpaid.overpaid_amount, 0) - ageing.overdue_amount
    ) >= 0.005 + 0.000001 * coalesce(overpaid.item_count, 0)
    or abs(statement.total_amount - statement.tranches_amount) >= 0.005
