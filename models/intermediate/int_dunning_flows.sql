-- Reminders planned and done, what they cost and led to, and the items whose third day overdue or
-- settlement lies in the period. What a month, a quarter and a year know of the same day differs,
-- so that it is counted once for each; all of it adds up over months, which keeps slices small.
-- Grain: one row per period (month, quarter, year) and slice with any of it.
{%- set grains = ['month', 'quarter', 'year'] %}
{%- set amounts = ['third_day_open_amount', 'third_day_chased_amount', 'reminder_cost_amount'] %}
{%- set counts = [
    'reminders_planned_count', 'reminders_done_count', 'matured_reminder_count',
    'successful_reminder_count'
] %}
{%- set judged = [
    'reminders_planned_done', 'reminded_settled', 'reminder_to_settlement_days'
] %}
{%- set judged_counts = [] %}
{%- for name in judged %}{% for grain in grains %}
{%- do judged_counts.append(name ~ '_' ~ grain ~ '_count') %}
{%- endfor %}{% endfor %}
{%- set facts = {
    'planned': counts[:1] + judged_counts[:3],
    'done': counts[1:] + amounts[2:],
    'third_days': amounts[:2],
    'settled': judged_counts[3:],
} %}
with

run as (

    select * from {{ ref('int_run') }}

),

periods as (

    select * from {{ ref('int_periods') }}

),

reminders as (

    select * from {{ ref('int_reminders') }}

),

dunning as (

    select * from {{ ref('int_item_dunning') }}

),

planned as (

    select
        {{ period_start('month', 'reminders.planned_on') }} as month_start,
        reminders.dimension_set_id,
        {% for grain in grains %}
        count(*) filter (
            where
            {{ period_start(grain, 'reminders.done_on') }}
            <= {{ period_start(grain, 'reminders.planned_on') }}
        ) as reminders_planned_done_{{ grain }}_count,
        {% endfor %}
        count(*) as reminders_planned_count
    from reminders
    cross join run
    where reminders.planned_on <= run.as_of_date
    group by {{ period_start('month', 'reminders.planned_on') }}, reminders.dimension_set_id

),

done as (

    select
        {{ period_start('month', 'reminders.done_on') }} as month_start,
        reminders.done_dimension_set_id as dimension_set_id,
        count(*) as reminders_done_count,
        count(*) filter (where reminders.is_matured) as matured_reminder_count,
        count(*) filter (where reminders.is_matured and reminders.is_successful)
            as successful_reminder_count,
        sum(reminders.cost_amount) as reminder_cost_amount
    from reminders
    where reminders.done_on is not null
    group by {{ period_start('month', 'reminders.done_on') }}, reminders.done_dimension_set_id

),

third_day_items as (

    select
        {{ add_days('history.due_date', 3) }} as third_day,
        history.dimension_set_id,
        history.currency_code,
        sum(history.open_amount) as open_amount,
        coalesce(
            sum(history.open_amount) filter (
                where dunning.first_done_overdue_on <= {{ add_days('history.due_date', 3) }}
            ), 0
        ) as chased_amount
    from {{ ref('int_item_history') }} as history
    cross join run
    left join dunning on history.item_key = dunning.item_key
    where
        history.item_side = 'debit'
        and history.open_amount <> 0
        and {{ add_days('history.due_date', 3) }} >= history.valid_from
        and {{ add_days('history.due_date', 3) }} < history.valid_to
        and {{ add_days('history.due_date', 3) }} <= run.as_of_date
    group by
        {{ add_days('history.due_date', 3) }}, history.dimension_set_id, history.currency_code

),

third_days as (

    select
        {{ period_start('month', 'items.third_day') }} as month_start,
        items.dimension_set_id,
        sum({{ convert('items.open_amount', 'factors.factor') }}) as third_day_open_amount,
        sum({{ convert('items.chased_amount', 'factors.factor') }}) as third_day_chased_amount
    from third_day_items as items
    inner join {{ ref('int_fx_factors') }} as factors
        on
            items.third_day = factors.calendar_date
            and items.currency_code = factors.currency_code
    group by {{ period_start('month', 'items.third_day') }}, items.dimension_set_id

),

settled as (

    select
        {{ period_start('month', 'settlements.settled_on') }} as month_start,
        {% for grain in grains %}
        count(*) filter (
            where
            settlements.valid_from <= {{ grain }}s.as_of_date
            and settlements.valid_to > {{ grain }}s.as_of_date
        ) as reminded_settled_{{ grain }}_count,
        sum({{ days_between('dunning.first_done_on', 'settlements.settled_on') }}) filter (
            where
            settlements.valid_from <= {{ grain }}s.as_of_date
            and settlements.valid_to > {{ grain }}s.as_of_date
        ) as reminder_to_settlement_days_{{ grain }}_count,
        {% endfor %}
        settlements.dimension_set_id
    from {{ ref('int_settlements') }} as settlements
    inner join dunning
        on
            settlements.item_key = dunning.item_key
            and settlements.settled_on >= dunning.first_done_on
    {%- for grain in grains %}
    inner join periods as {{ grain }}s
        on
            {{ grain }}s.period_grain = '{{ grain }}'
            and {{ period_start(grain, 'settlements.settled_on') }} = {{ grain }}s.period_start
    {%- endfor %}
    group by
        {{ period_start('month', 'settlements.settled_on') }}, settlements.dimension_set_id

),

all_facts as (

    {%- for fact, measures in facts.items() %}
    {{ 'union all' if not loop.first }}
    select
        {{ fact }}.month_start,
        {%- for measure in amounts + counts + judged_counts %}
        {{ fact ~ '.' ~ measure if measure in measures else 'null' }} as {{ measure }},
        {%- endfor %}
        {{ fact }}.dimension_set_id
    from {{ fact }}
    {%- endfor %}

),

set_months as (

    select
        all_facts.month_start,
        all_facts.dimension_set_id,
        {{ sum_columns('all_facts', amounts + counts + judged_counts) }}
    from all_facts
    group by all_facts.month_start, all_facts.dimension_set_id

),

months as (

    {{ add_up_to_slices(
        'set_months', ['month_start'], amounts=amounts, counts=counts + judged_counts
    ) }}

)

{%- for grain in grains %}
{{ 'union all' if not loop.first }}
select
    '{{ grain }}' as period_grain,
    {{ period_start(grain, 'months.month_start') }} as period_start,
    {% for amount in amounts %}
    {{ money('sum(months.' ~ amount ~ ')') }} as {{ amount }},
    {% endfor %}
    {% for name in judged %}
    cast(sum(months.{{ name }}_{{ grain }}_count) as bigint) as {{ name }}_count,
    {% endfor %}
    {% for count in counts %}
    cast(sum(months.{{ count }}) as bigint) as {{ count }},
    {% endfor %}
    months.slice_id

from months
group by {{ period_start(grain, 'months.month_start') }}, months.slice_id
{%- endfor %}
