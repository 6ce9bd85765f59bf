-- The formula of DSO against figures that others published, each within the rounding of its source.
with

published as (

    select
        examples.example,
        examples.receivables,
        examples.revenue,
        examples.days,
        examples.expected,
        examples.tolerance
    from (
        values
        ('JD Edwards EnterpriseOne 9.2', 10869, 17674, 90, 55.35, 0.005),
        ('creditguru', 15000, 10000, 30, 45, 0.01),
        ('QuickBooks, 3 credit metrics', 20000, 10000, 30, 60, 0.01),
        ('The Association of Corporate Treasurers, wiki', 50, 730, 365, 25, 0.01),
        ('Kerr Consulting', 640000, 742000, 30, 25.9, 0.05),
        ('Bit1024', 50000, 200000, 365, 91.25, 0.01),
        ('TryMesha', 150000, 1800000, 365, 30.4, 0.05),
        ('Pages Jaunes', 1000, 1300, 91, 70, 0.01),
        ('Finance Factory', 20000, 45000, 90, 40, 0.01),
        ('finance-technique, both tax included', 472, 2870.4, 365, 60, 0.05)
    ) as examples (example, receivables, revenue, days, expected, tolerance)

),

computed as (

    select
        published.*,
        {{ dso_days('published.receivables', 'published.revenue', 'published.days') }} as dso_days
    from published

)

select
    'Published by ' || computed.example || ': ' || cast(computed.expected as varchar)
    || ' days; the formula gives ' || cast(computed.dso_days as varchar) as message
from computed
where computed.dso_days is null or abs(computed.dso_days - computed.expected) > computed.tolerance
