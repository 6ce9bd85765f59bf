-- What each customer as a whole owes at each month-end and at the as-of date, credits included,
-- against its limit and its cover. Amounts in the reporting currency.
-- Grain: one row per month-end and customer record with an open item, a limit or a cover.
with

records as (

    select * from {{ ref('int_customer_records') }}

),

limits as (

    select * from {{ ref('int_customer_limits') }}

),

-- Sums are converted, not items: so many equal roundings never add up.
open_items as (

    select
        items.as_of_date,
        dimension_sets.entity_code,
        dimension_sets.customer_code,
        items.currency_code,
        sum(items.open_amount) as open_amount
    from {{ ref('int_items_month_end') }} as items
    inner join {{ ref('int_dimension_sets') }} as dimension_sets
        on items.dimension_set_id = dimension_sets.dimension_set_id
    where items.open_amount <> 0
    group by
        items.as_of_date, dimension_sets.entity_code, dimension_sets.customer_code,
        items.currency_code

),

converted as (

    select
        open_items.as_of_date,
        open_items.entity_code,
        open_items.customer_code,
        {{ convert('open_items.open_amount', 'factors.factor') }} as receivables_amount
    from open_items
    inner join {{ ref('int_fx_factors') }} as factors
        on
            open_items.as_of_date = factors.calendar_date
            and open_items.currency_code = factors.currency_code

),

balances as (

    {% for entity in ['converted.entity_code', "'ALL'"] %}
    {{ 'union all' if not loop.first }}
    select
        converted.as_of_date,
        records.record_id,
        {{ money('sum(converted.receivables_amount)') }} as receivables_amount
    from converted
    inner join records
        on
            {{ entity }} = records.entity_code
            and converted.customer_code = records.customer_code
            and converted.as_of_date >= records.valid_from
            and converted.as_of_date < records.valid_to
    group by converted.as_of_date, records.record_id
    {% endfor %}
),

exposures as (

    select
        coalesce(balances.as_of_date, limits.as_of_date) as as_of_date,
        coalesce(balances.record_id, limits.record_id) as record_id,
        case when balances.record_id is null then 0 else 1 end as has_balance,
        {{ money('coalesce(balances.receivables_amount, 0)') }} as receivables_amount,
        limits.limit_amount,
        limits.insured_limit_amount,
        limits.quota_rate
    from balances
    full outer join limits
        on
            balances.as_of_date = limits.as_of_date
            and balances.record_id = limits.record_id

)

select
    exposures.as_of_date,
    exposures.record_id,
    records.risk_class,
    exposures.has_balance,
    exposures.receivables_amount,
    {{ money('greatest(exposures.receivables_amount, 0)') }} as positive_receivables_amount,
    exposures.limit_amount,
    exposures.insured_limit_amount,
    case
        when exposures.insured_limit_amount is null then {{ money('0') }}
        else
            {{ money(insured_amount(
                'exposures.receivables_amount', 'exposures.insured_limit_amount',
                'exposures.quota_rate'
            )) }}
    end as insured_amount,
    case when exposures.receivables_amount > exposures.limit_amount then 1 else 0 end
        as is_over_limit,
    {{ money('coalesce(greatest(exposures.receivables_amount - exposures.limit_amount, 0), 0)') }}
        as over_limit_amount,
    case when exposures.receivables_amount > exposures.insured_limit_amount then 1 else 0 end
        as is_over_cover

from exposures
inner join records on exposures.record_id = records.record_id
