-- The months of revenue, newest first, that make up the receivables at the end of a period.
-- Grain: one row per period, slice and month.
select
    {{ contribution_columns({
        'part': "'dso_countback_days'",
        'scope': "'slice'",
        'scope_id': 'months.slice_id',
        'contribution': 'months.days_taken',
        'record_type': "'month'",
        'event_date': 'months.month_start',
        'currency_code': 'periods.reporting_currency_code',
        'document_amount': 'months.revenue_amount',
        'days': 'months.days_in_period',
        'note': "'revenue of the month'",
    }) }}
from {{ ref('periods') }} as periods
inner join {{ ref('countback_months') }} as months on periods.as_of_date = months.as_of_date
where periods.period_grain <> 'day'
