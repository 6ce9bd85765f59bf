"""Customers and documents, with what their payers will do, as SQL over (seed, row)."""

from datetime import date

from encours.demo import company
from encours.demo.draws import Draws, texts

START = date(2023, 7, 1)
"""First day in the ledger; what is open then comes over from an older one."""

END = date(2026, 6, 30)
"""Last day that the exports know."""

# Invoices from here to START are only made to leave some of them open on START.
_OLDER = date(2023, 1, 2)

# Turnover of the months of a year, January first.
_SEASON = (92, 95, 108, 100, 97, 106, 94, 70, 104, 107, 103, 114)

# Day of the next and of the last working day; of the next and of the last payment run, on the
# 10th and the 25th; and a day that the exports do not know yet is none.
MACROS = (
    """create macro next_workday(d) as
        d + case extract(isodow from d) when 6 then 2 when 7 then 1 else 0 end""",
    """create macro last_workday(d) as
        d - case extract(isodow from d) when 6 then 1 when 7 then 2 else 0 end""",
    "create macro month_start(d) as date_trunc('month', d)::date",
    """create macro last_run(d) as case
        when day(d) >= 25 then month_start(d) + 24
        when day(d) >= 10 then month_start(d) + 9
        else (month_start(d) - interval 1 month)::date + 24 end""",
    """create macro next_run(d) as case
        when day(d) <= 10 then month_start(d) + 9
        when day(d) <= 25 then month_start(d) + 24
        else (month_start(d) + interval 1 month)::date + 9 end""",
    f"create macro known(d) as case when d <= date '{END}' then d end",
)


def customer_count(invoices: int) -> int:
    """How many customers a company of that many invoices has."""
    return min(50_000, max(60, invoices // 50))


def tables(draws: Draws, invoices: int) -> list[tuple[str, str]]:
    """Names and SQL of the tables from entities to documents, in the order to create them."""
    return [
        ("entity", _entity()),
        ("calendar", _calendar(invoices)),
        ("slot", _slot()),
        ("customer", _customer(draws, customer_count(invoices))),
        ("priced", _priced(draws, customer_count(invoices))),
        ("invoice", _invoice(draws)),
        ("credit_note", _credit_note(draws)),
        ("old_credit", _old_credit(draws)),
    ]


def _entity() -> str:
    rows = ", ".join(
        f"({entity.number}, '{entity.code}', '{entity.name}', '{entity.country}', "
        f"'{entity.currency}', {entity.vat_percent})"
        for entity in company.ENTITIES
    )
    return (
        f"select * from (values {rows}) "
        "entity(entity_no, entity_code, entity_name, country_code, currency_code, vat_percent)"
    )


def _calendar(invoices: int) -> str:
    # Each day holds a run of invoice numbers, in proportion to its weight, so that documents are
    # numbered in the order of their dates without sorting any.
    season = "[" + ", ".join(str(month) for month in _SEASON) + "]"
    return f"""
        with days as (
            select
                day::date as day,
                case
                    when isodow(day) > 5 then 0
                    when strftime(day, '%m%d') in ('0101', '0501', '1225') then 0
                    else
                        {season}[month(day)]
                        * (1000 + (day::date - date '{START}') * 80 // 365)
                        * (case when last_day(day) - day::date < 4 then 2 else 1 end)
                end::bigint as weight
            from generate_series(date '{_OLDER}', date '{END}', interval 1 day) days(day)
        ),
        running as (
            select
                *,
                sum(weight) over (order by day)::bigint as total,
                (select sum(weight) from days where day < date '{START}')::bigint as older,
                (select sum(weight) from days where day >= date '{START}')::bigint as covered
            from days
        )
        select
            day,
            (total - weight) * {invoices} // covered + 1 as first_uid,
            total * {invoices} // covered as last_uid,
            older * {invoices} // covered as older_uid
        from running
        order by day
    """


def _slot() -> str:
    return """
        select unnest(range(first_uid, last_uid + 1)) as uid, older_uid, day as issue_date
        from calendar
        order by uid
    """


def _per_entity(values: dict[int, str], column: str) -> str:
    whens = " ".join(f"when {number} then {value}" for number, value in values.items())
    return f"case {column} {whens} end"


def _customer(draws: Draws, customers: int) -> str:
    large = max(6, customers // 10)
    homes = "[" + ", ".join(str(home) for home in company.HOMES) + "]"
    key = "c"

    def of_home(stream: str, attribute: str, column: str = "home_no") -> str:
        values = {
            entity.number: draws.pick(stream, key, getattr(entity, attribute))
            for entity in company.ENTITIES
        }
        return _per_entity(values, column)

    return f"""
        with placed as (
            select
                c,
                c <= {large} as is_large,
                {homes}[1 + (c - 1) % {len(company.HOMES)}] as home_no,
                case when c % 8 = 3 then 'common' when c % 25 = 7 then 'twin' else 'own' end as kind
            from range(1, {customers + 1}) customers(c)
        ),
        ranked as (
            select
                *,
                row_number() over (
                    partition by home_no, is_large
                    order by {draws.unit("behaviour", key)}, c
                ) - 1 as behaviour_rank
            from placed
        ),
        behaving as (
            select
                *,
                case when kind = 'twin' then case home_no when 0 then 1 else 0 end end as twin_no,
                case
                    when is_large then {texts(company.LARGE_BEHAVIOURS)}
                        [1 + behaviour_rank % {len(company.LARGE_BEHAVIOURS)}]
                    else {texts(company.BEHAVIOURS)}
                        [1 + behaviour_rank % {len(company.BEHAVIOURS)}]
                end as behaviour
            from ranked
        ),
        failing as (
            select
                *,
                case
                    when behaviour = 'never'
                        then date '{START}' + {draws.between("failure", key, 200, 1000)}
                end as failed_on,
                case
                    when c <= {max(3, customers // 20)} then '{company.KEY_ACCOUNT}'
                    when c % 50 = 17 then null
                    else {draws.pick("segment", key, company.SEGMENTS)}
                end as segment,
                {draws.between("trade", key, 0, len(company.TRADES) - 1)} as trade
            from behaving
        )
        select
            c,
            'C' || lpad(c::varchar, 5, '0') as customer_code,
            kind,
            home_no,
            twin_no,
            behaviour,
            failed_on,
            case
                when {draws.chance("gives up", key, 0.8)}
                    then failed_on + {draws.between("giving up", key, 150, 400)}
            end as given_up_on,
            case when is_large then {draws.pick("terms", key, company.LARGE_TERMS_MIX)}
                else {draws.pick("terms", key, company.TERMS_MIX)} end as terms,
            {draws.pick("payment mode", key, ("runs",) * 9 + ("daily",) * 7 + ("direct",) * 4)}
                as payment_mode,
            {texts(company.TRADES)}[1 + trade] || ' '
                || {texts(company.NAMES)}[1 + (c * 17) % {len(company.NAMES)}]
                || case when c > {len(company.NAMES)} then ' ' || c else '' end as customer_name,
            segment,
            case segment
                when '{company.KEY_ACCOUNT}' then 22
                when 'Small business' then 6
                when 'Public sector' then 12
                else 10
            end as size,
            case
                when segment = 'Public sector' then 'administration'
                when segment = 'Small business' and {draws.chance("individual", key, 0.15)}
                    then 'individual'
                else 'company'
            end as customer_type,
            case when c % 60 <> 19 then {draws.pick("unit", key, company.BUSINESS_UNITS)} end
                as business_unit,
            {of_home("region", "regions")} as region,
            {of_home("region", "regions", "twin_no")} as twin_region,
            {of_home("salesperson", "salespeople")} as salesperson_code,
            {of_home("salesperson", "salespeople", "twin_no")} as twin_salesperson_code,
            case when c % 6 = 5
                then date '{START}' + {draws.between("handover", key, 250, 950)} end as changed_on,
            {of_home("next salesperson", "salespeople")} as next_salesperson_code,
            {of_home("collector", "collectors")} as collector_code,
            {of_home("collector", "collectors", "twin_no")} as twin_collector_code,
            case when segment = 'Export' then {draws.pick("abroad", key, ("US", "CH", "MA", "JP"))}
                else {of_home("country", "countries")} end as country_code,
            case when c % 30 = 0 then 'C' || lpad((c - 1)::varchar, 5, '0') end as parent_code,
            '000' || lpad(c::varchar, 6, '0') as registration_number,
            {draws.pick("industry", key, company.INDUSTRIES)} as industry_code,
            greatest(1, least(99, case behaviour
                when 'never' then 15 when 'very_late' then 30 when 'degrading' then 40
                when 'late' then 50 when 'bit_late' then 65 else 80
            end + {draws.between("score", key, -12, 15)})) as risk_score,
            behaviour = 'never'
                or behaviour = 'very_late' and behaviour_rank % 50 = 1 as is_doubtful,
            behaviour = 'never' and {draws.chance("insolvent", key, 0.6)} as is_insolvent,
            coalesce(segment, '') <> 'Public sector' as is_insurable,
            case when {draws.chance("signed", key, 0.8)}
                then date '2021-01-04' + {draws.between("signature", key, 0, 2000)} end as signed_on
        from failing
        order by c
    """


def _priced(draws: Draws, customers: int) -> str:
    # Grain: one row per invoice, with what stands on it.
    key = "uid"
    unit = draws.unit("customer", key)
    top = max(6, customers // 10)
    same_unit = draws.pick("invoice unit", key, company.BUSINESS_UNITS)
    salespeople = {
        entity.number: draws.pick("invoice salesperson", key, entity.salespeople)
        for entity in company.ENTITIES
    }
    return f"""
        with placed as (
            select
                slot.*,
                -- u^2.5 without pow(), whose last bit differs from one machine to the other
                1 + floor({customers} * {unit} * {unit} * sqrt({unit}))::bigint as drawn_c
            from slot
        ),
        assigned as (
            -- Nobody sells to a customer that has failed: a large one buys instead.
            select
                placed.*,
                case
                    when placed.issue_date > customer.failed_on + 30
                        then {draws.between("instead", key, 1, top)}
                    else placed.drawn_c
                end as c
            from placed
            inner join customer on placed.drawn_c = customer.c
        ),
        sold as (
            select
                assigned.* exclude (drawn_c),
                customer.* exclude (c, business_unit, salesperson_code),
                customer.business_unit as customer_unit,
                case customer.kind
                    when 'own' then customer.home_no
                    when 'twin' then case when {draws.chance("twin", key, 0.6)}
                        then customer.home_no else customer.twin_no end
                    else {draws.pick("entity", key, ("0",) * 9 + ("1",) * 7 + ("2",) * 4)}::integer
                end as entity_no,
                case when {draws.chance("other terms", key, 0.05)}
                    then '{company.NET_30}' else customer.terms end as invoice_terms,
                case when {draws.chance("other unit", key, 0.12)} then {same_unit} end
                    as invoice_unit,
                {draws.unit("amount", key)} as large_draw,
                {draws.between("amount scale", key, 350, 1350)} as scale
            from assigned
            inner join customer on assigned.c = customer.c
        )
        select
            sold.uid,
            sold.uid <= sold.older_uid as is_older,
            sold.uid - sold.older_uid as number,
            sold.c,
            sold.entity_no,
            sold.issue_date,
            sold.behaviour,
            sold.failed_on,
            sold.given_up_on,
            sold.payment_mode,
            sold.invoice_terms as terms,
            case sold.invoice_terms
                when '{company.NET_30}' then sold.issue_date + 30
                when '{company.NET_60}' then sold.issue_date + 60
                when '{company.NET_90}' then sold.issue_date + 90
                when '{company.END_OF_MONTH_30}' then last_day(sold.issue_date + 30)
                when '{company.END_OF_MONTH_45}' then last_day(sold.issue_date + 45)
                else last_day(sold.issue_date) + 45
            end as agreed_due_date,
            sold.invoice_unit,
            case when {draws.chance("other salesperson", key, 0.08)}
                then {_per_entity(salespeople, "sold.entity_no")} end as invoice_salesperson,
            coalesce(sold.invoice_unit, sold.customer_unit, '') = '{company.FACTORED_UNIT}'
                and {draws.chance("factored", key, 0.6)} as is_factored,
            case when {draws.chance("uninsurable", key, 0.03)} then false end as is_insurable,
            {draws.chance("debit note", key, 0.012)} as is_debit_note,
            sold.collector_code,
            case when sold.segment = 'Export' then 0 else entity.vat_percent end as vat_percent,
            greatest(500, floor(
                sold.scale * sold.size * 16 / sqrt(1 - 0.9995 * sold.large_draw)
            ))::bigint as net
        from sold
        inner join entity on sold.entity_no = entity.entity_no
        order by sold.uid
    """


def _invoice(draws: Draws) -> str:
    # Grain: one row per invoice, with all that will happen to it. Amounts are cents. Whatever is
    # planned never adds up to more than the invoice, so no balance passes through zero.
    key = "uid"
    return f"""
        with grossed as (
            select * exclude (vat_percent), net + (net * vat_percent + 50) // 100 as gross
            from priced
        ),
        events as (
            select
                *,
                {draws.between("plan", key, 0, 9999)} as plan,
                case when {draws.chance("dispute", key, 0.055)}
                    then issue_date + {draws.between("dispute start", key, 4, 44)}
                end as disputed_on,
                case when not is_older and {draws.chance("credit note", key, 0.04)} then
                    known(next_workday(issue_date + {draws.between("credit day", key, 2, 35)}))
                end as credited_on,
                {draws.between("credit kind", key, 0, 99)} as credit_kind,
                case behaviour
                    when 'early' then {draws.between("lag", key, -12, -2)}
                    when 'on_time' then {draws.between("lag", key, -4, 0)}
                    when 'bit_late' then {draws.between("lag", key, 1, 10)}
                    when 'late' then {draws.between("lag", key, 8, 35)}
                    when 'very_late' then {draws.between("lag", key, 30, 90)}
                    when 'degrading' then (issue_date - date '{START}') * 3 // 60
                        + {draws.between("lag", key, -6, 10)}
                    else {draws.between("lag", key, 1, 20)}
                end::integer
                + case when {draws.chance("incident", key, 0.02)}
                    then {draws.between("incident lag", key, 40, 120)} else 0 end as lag
            from grossed
        ),
        credited as (
            select
                *,
                known(disputed_on) + {draws.between("dispute length", key, 8, 95)} as settled_on,
                case
                    when credited_on is null then 0
                    when credit_kind >= 85 then gross * {draws.between("rebate", key, 1, 5)} // 100
                    when credit_kind % 7 = 0 then gross
                    else gross * {draws.between("credit", key, 5, 30)} // 100
                end as credit_amount,
                agreed_due_date + lag as wanted_date
            from events
        ),
        payable as (
            select
                *,
                -- A rebate (kind from 85 on) is credited to the account, not to the invoice.
                gross - case when credit_kind < 85 then credit_amount else 0 end as payable,
                greatest(
                    case
                        when payment_mode = 'runs' and lag <= 0
                            then last_workday(last_run(wanted_date))
                        when payment_mode = 'runs' then next_workday(next_run(wanted_date))
                        when lag <= 0 then last_workday(wanted_date)
                        else next_workday(wanted_date)
                    end,
                    next_workday(settled_on + {draws.between("after dispute", key, 3, 12)})
                ) as main_date
            from credited
        ),
        planned as (
            select
                *,
                case
                    when payable = 0 then 'credited'
                    when plan < 600 then 'partial'
                    when plan < 800 then 'short'
                    when plan < 900 then 'deposit'
                    when plan < 980 then 'unpaid'
                    when plan < 2000 and lag <= 0 then 'discount'
                    else 'full'
                end as course
            from payable
        ),
        parts as (
            select
                *,
                case course
                    when 'partial' then payable * {draws.between("first part", key, 40, 70)} // 100
                    when 'short' then payable * {draws.between("short", key, 96, 99)} // 100
                    when 'discount' then payable - gross * 2 // 100
                    when 'deposit' then payable * 30 // 100
                    when 'full' then payable
                    else 0
                end as first_amount,
                case course
                    when 'deposit' then greatest(
                        last_workday(issue_date - {draws.between("deposit", key, 5, 40)}),
                        case when is_older then date '{_OLDER}' else date '2023-07-03' end
                    )
                    else main_date
                end as first_date,
                case course
                    when 'partial'
                        then next_workday(main_date + {draws.between("second part", key, 15, 60)})
                    when 'deposit' then main_date
                end as second_date,
                case when course = 'discount' then least(payable, gross * 2 // 100) else 0 end
                    as discount_amount
            from planned
        ),
        kept as (
            -- Known by END, and before the customer failed.
            select
                * replace (
                    case when first_amount > 0 and coalesce(first_date <= failed_on, true)
                        then known(first_date) end as first_date,
                    case when coalesce(second_date <= failed_on, true)
                        then known(second_date) end as second_date
                ),
                case when course in ('partial', 'deposit') then payable - first_amount else 0 end
                    as second_amount
            from parts
        ),
        unpaid as (
            select
                * replace (
                    case when first_date is null then 0 else first_amount end as first_amount,
                    case when second_date is null then 0 else second_amount end as second_amount,
                    case when first_date is null then 0 else discount_amount end as discount_amount
                )
            from kept
        ),
        written_off as (
            select
                *,
                payable - first_amount - second_amount - discount_amount as rest_amount,
                case
                    when given_up_on is not null
                        and main_date > failed_on then known(next_workday(given_up_on))
                    when course = 'short' and first_amount > 0
                        and {draws.chance("small loss", key, 0.7)}
                        then known(next_workday(
                            first_date + {draws.between("small loss day", key, 40, 100)}
                        ))
                    when course = 'unpaid' and {draws.chance("loss", key, 0.8)}
                        then known(next_workday(
                            agreed_due_date + {draws.between("loss day", key, 150, 300)}
                        ))
                end as lost_on
            from unpaid
        ),
        lost as (
            select
                * replace (case when rest_amount > 0 then lost_on end as lost_on)
            from written_off
        ),
        taken_over as (
            select
                *,
                case when is_older then
                    gross
                    - case when first_date < date '{START}'
                        then first_amount + discount_amount else 0 end
                    - case when second_date < date '{START}' then second_amount else 0 end
                    - case when lost_on < date '{START}' then rest_amount else 0 end
                else gross end as booked_amount
            from lost
        )
        select
            uid,
            is_older,
            case when is_older then 'RN' when is_debit_note then 'ND' else 'FA' end
                || lpad((case when is_older then uid else number end)::varchar, 8, '0')
                as invoice_number,
            case when is_older then 'RAN' when is_debit_note then 'ND' else 'FA' end
                as document_code,
            number,
            c,
            entity_no,
            issue_date,
            greatest(issue_date, date '{START}') as booked_on,
            agreed_due_date,
            case when {draws.chance("no due date", key, 0.008)} then null else agreed_due_date end
                as due_date,
            case when {draws.chance("no due date", key, 0.003)} then null else terms end as terms,
            booked_amount as gross,
            net,
            invoice_unit,
            invoice_salesperson,
            is_factored,
            is_insurable,
            collector_code,
            payment_mode = 'direct' as is_direct,
            course,
            failed_on,
            payable,
            case when first_date >= date '{START}' then first_date end as first_date,
            case when first_date >= date '{START}' then first_amount else 0 end as first_amount,
            case when first_date >= date '{START}' then discount_amount else 0 end
                as discount_amount,
            case when second_date >= date '{START}' then second_date end as second_date,
            case when second_date >= date '{START}' then second_amount else 0 end
                as second_amount,
            lost_on,
            rest_amount,
            -- The day on which nothing is left, if every payment stands.
            case
                when rest_amount = 0
                    then coalesce(greatest(first_date, second_date), credited_on)
                else coalesce(lost_on, date '9999-12-31')
            end as open_until,
            known(disputed_on) as disputed_on,
            known(settled_on) as settled_on,
            credited_on,
            credit_amount,
            credit_kind
        from taken_over
        where booked_amount > 0
        order by uid
    """


def _credit_note(draws: Draws) -> str:
    # Grain: one row per credit note. `given_back_on`: the money went back to the customer.
    key = "uid"
    return f"""
        select
            uid,
            'AV' || lpad(number::varchar, 8, '0') as credit_note_number,
            invoice_number,
            c,
            entity_no,
            credited_on,
            credit_amount as gross,
            invoice_unit,
            is_factored,
            case
                when credit_kind < 55 then 'linked'
                when credit_kind < 65 then 'negative'
                when credit_kind < 85 then 'lettered'
                else 'free'
            end as kind,
            case when credit_kind between 65 and 84
                then known(next_workday(credited_on + {draws.between("lettered", key, 3, 40)}))
            end as lettered_on,
            case when credit_kind >= 85 and {draws.chance("given back", key, 0.6)}
                then known(next_workday(credited_on + {draws.between("giving back", key, 10, 50)}))
            end as given_back_on
        from invoice
        where credited_on is not null and credit_amount > 0
        order by uid
    """


def _old_credit(draws: Draws) -> str:
    # Customers' credit balances taken over from the older ledger.
    return f"""
        select
            'RC' || lpad(c::varchar, 8, '0') as document_number,
            c,
            home_no as entity_no,
            date '{START}' - {draws.between("old credit day", "c", 10, 120)} as issue_date,
            {draws.between("old credit", "c", 5000, 90000)} as gross
        from customer
        where c % 23 = 9
        order by c
    """
