-- What moved on each day, converted at the rate of that day. Reversals are taken off on their own
-- day.
-- Grain: one row per day and dimension set.
{%- set is_issue = "movements.movement_type = 'issue'" %}
{%- set is_revenue = is_issue ~
    " and movements.item_type in ('invoice', 'debit_note', 'credit_note')" %}
{%- set is_allocation =
    "movements.movement_type in ('receipt_allocation', 'credit_note_allocation')" %}
{%- set flows = {
    'revenue_amount': ('', is_revenue),
    'factored_revenue_amount': ('', is_revenue ~ ' and movements.is_factored'),
    'opening_items_amount': ('', is_issue ~ " and movements.item_type = 'opening'"),
    'collected_amount': ('-', is_issue ~ " and movements.item_type = 'receipt'"),
    'collected_late_amount': ('-', 'movements.is_late'),
    'credit_note_amount': ('-', is_issue ~ " and movements.item_type = 'credit_note'"),
    'write_off_amount': ('-', "movements.movement_type = 'write_off'"),
    'discount_amount': ('-', "movements.movement_type = 'discount'"),
    'transferred_amount': ('', is_allocation ~ " or movements.movement_type = 'transfer'"),
} %}
with

run as (

    select * from {{ ref('int_run') }}

),

movements as (

    select
        movements.movement_date as flow_date,
        movements.dimension_set_id,
        movements.movement_type,
        movements.item_type,
        movements.is_factored,
        movements.movement_type = 'receipt_allocation'
        and movements.item_side = 'debit'
        and movements.receipt_date > movements.due_date as is_late,
        movements.currency_code,
        movements.movement_amount as amount
    from {{ ref('int_receivable_movements') }} as movements
    cross join run
    where movements.movement_date <= run.as_of_date

),

-- Sums are converted, not movements: so many equal roundings never add up.
flows as (

    select
        movements.flow_date,
        movements.dimension_set_id,
        {% for flow in flow_columns() %}
        {%- set sign, condition = flows[flow] %}
        coalesce({{ sign }}sum(movements.amount) filter (where {{ condition }}), 0) as {{ flow }},
        {% endfor %}
        movements.currency_code
    from movements
    group by movements.flow_date, movements.dimension_set_id, movements.currency_code

)

select
    flows.flow_date,
    {% for flow in flow_columns() %}
    {%- set amount = convert('flows.' ~ flow, 'factors.factor') %}
    {{ money('sum(' ~ amount ~ ')') }} as {{ flow }},
    {% endfor %}
    flows.dimension_set_id

from flows
inner join {{ ref('int_fx_factors') }} as factors
    on
        flows.flow_date = factors.calendar_date
        and flows.currency_code = factors.currency_code
group by flows.flow_date, flows.dimension_set_id
