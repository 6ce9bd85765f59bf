-- Formulas of the provision matrix, of insurance cover and of the cash cycle against figures that
-- others published, each within the rounding of its source.
with

losses as (

    select
        examples.example,
        examples.expected,
        examples.tolerance,
        {{ expected_credit_loss('examples.balance', 'examples.rate') }} as computed
    from (
        values
        ('scribd 727588826, not due', 300000, 0.02, 6000, 0.6),
        ('scribd 727588826, 1 to 30 days', 140000, 0.04, 5600, 0.6),
        ('scribd 727588826, 31 to 60 days', 60000, 0.086957, 5217, 0.6),
        ('scribd 727588826, 61 to 90 days', 23000, 0.25, 5750, 0.6),
        ('scribd 727588826, over 90 days', 5000, 1, 5000, 0.6)
    ) as examples (example, balance, rate, expected, tolerance)

),

-- The feed of covers has no deductible: it is taken off the loss before the formula sees it.
claims as (

    select
        examples.example,
        examples.expected,
        examples.tolerance,
        {{ insured_amount(
            '(examples.loss - examples.deductible)', 'examples.insured_limit',
            '(1 - examples.coinsurance)'
        ) }} as computed
    from (
        values ('pufind.com, insurance claim', 50000, 5000, 0.1, 50000, 40500, 0.01)
    ) as examples (
        example, loss, deductible, coinsurance, insured_limit, expected, tolerance
    )

),

-- Payables are over cost of goods sold there, and inventory is the closing one.
cycles as (

    select
        examples.example,
        examples.expected,
        examples.tolerance,
        {{ ccc_days(
            dio_days(
                'examples.inventory', 'examples.inventory', 'examples.cost_of_goods_sold', '365'
            ),
            dso_days('examples.receivables', 'examples.revenue', '365'),
            dpo_days('examples.payables', 'examples.cost_of_goods_sold', '365')
        ) }} as computed
    from (
        values ('TheFreeDictionary, cash cycle', 12000, 4000, 2050, 660, 1200, 97.64, 0.01)
    ) as examples (
        example, revenue, cost_of_goods_sold, inventory, receivables, payables, expected, tolerance
    )

),

examples as (

    select * from losses
    union all
    select * from claims
    union all
    select * from cycles

)

select
    'Published by ' || examples.example || ': ' || cast(examples.expected as varchar)
    || '; the formula gives ' || cast(examples.computed as varchar) as message
from examples
where examples.computed is null or abs(examples.computed - examples.expected) > examples.tolerance
