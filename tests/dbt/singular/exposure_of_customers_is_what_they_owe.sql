-- What customers owe as a whole is what the items say, and the risk classes add up to it. Each
-- customer is converted by itself, so half a cent and a millionth each are left to rounding.
with

exposures as (

    select * from {{ ref('kpi_credit_exposure') }}

),

whole as (

    select exposures.* from exposures
    where exposures.segment_type = 'all'

),

classes as (

    select
        classes.period_grain,
        classes.period_start,
        classes.entity_code,
        sum(classes.customer_count) as customer_count,
        sum(classes.receivables_amount) as receivables_amount,
        sum(classes.limit_amount) as limit_amount,
        sum(classes.insured_amount) as insured_amount
    from {{ ref('kpi_credit_exposure_classes') }} as classes
    where classes.segment_type = 'all'
    group by classes.period_grain, classes.period_start, classes.entity_code

),

findings as (

    select
        whole.period_grain,
        whole.period_start,
        whole.entity_code,
        'the items' as of_what
    from whole
    inner join {{ ref('int_period_parts') }} as parts
        on
            whole.period_grain = parts.period_grain
            and whole.period_start = parts.period_start
            and whole.entity_code = parts.entity_code
            and whole.segment_type = parts.segment_type
    where
        abs(whole.receivables_amount - parts.receivables_amount)
        > 0.005 + 0.000001 * whole.customer_with_balance_count

    union all

    select
        whole.period_grain,
        whole.period_start,
        whole.entity_code,
        'the risk classes' as of_what
    from whole
    left join classes
        on
            whole.period_grain = classes.period_grain
            and whole.period_start = classes.period_start
            and whole.entity_code = classes.entity_code
    where
        whole.customer_with_balance_count <> coalesce(classes.customer_count, 0)
        or abs(whole.receivables_amount - coalesce(classes.receivables_amount, 0)) > 0.005
        or abs(whole.limit_amount - coalesce(classes.limit_amount, 0)) > 0.005
        or abs(whole.insured_amount - coalesce(classes.insured_amount, 0)) > 0.005

)

select
    findings.period_grain || ' ' || cast(findings.period_start as varchar) || ', entity '
    || findings.entity_code || ': the exposure of customers is not that of ' || findings.of_what
        as message
from findings
