"""What happens to the documents, as SQL: cash, lettering, dunning; and the balances they leave.

The control balances come from this bookkeeping of signed movements, not from the warehouse.
"""

from encours.demo.documents import END, START
from encours.demo.draws import Draws, texts

# Level, days overdue, channel, cost in cents, in reporting currency.
_LEVELS = (
    (1, 2, "EMAIL", 40),
    (2, 15, "TELEPHONE", 450),
    (3, 30, "COURRIER", 380),
    (4, 60, "RECOMMANDE", 1250),
    (5, 110, "HUISSIER", 9500),
)
_NON_PAYMENT = (
    "Invoice not received",
    "Cash difficulties",
    "Invoice in dispute",
    "Approval pending",
    "Payment announced",
)
_DISPUTES = ("PRIX", "QUANTITE", "LIVRAISON", "QUALITE", "DOUBLON", "COMMANDE")

# Invoices whose duplicate payment a clerk allocated as well: the only balances below zero.
OVER_ALLOCATED = 3


def tables(draws: Draws, invoices: int, customers: int) -> list[tuple[str, str]]:
    """Names and SQL of the tables from payments on, in the order to create them."""
    return [
        ("payment", _payment(draws)),
        ("receipt", _receipt(draws, invoices, customers)),
        ("lettering", _lettering(draws)),
        ("movement_month", _movement_month()),
        ("month", _month()),
        ("control", _control()),
        ("rate", _rate(draws)),
        ("month_rate", _month_rate()),
        ("doubtful", _doubtful()),
        ("revenue", _revenue()),
    ]


def _payment(draws: Draws) -> str:
    # Grain: one row per invoice and payment of it. What concerns a whole receipt (does it bounce,
    # is it allocated late) is drawn from the receipt's key, so that all its rows agree.
    key = "receipt_key"
    return f"""
        with planned as (
            select uid, 1 as part, first_date as paid_on, first_amount as amount, discount_amount
            from invoice
            where first_date is not null and first_amount > 0
            union all
            select uid, 2, second_date, second_amount, 0
            from invoice
            where second_date is not null and second_amount > 0
        ),
        keyed as (
            select
                planned.*,
                invoice.invoice_number,
                invoice.booked_on,
                invoice.c,
                invoice.entity_no,
                invoice.is_direct,
                case
                    when invoice.is_direct then 2000000000 + planned.uid * 4 + planned.part
                    else (invoice.c * 3 + invoice.entity_no) * 1500
                        + (planned.paid_on - date '{START}')
                end as receipt_key
            from planned
            inner join invoice on planned.uid = invoice.uid
        ),
        drawn as (
            select
                *,
                case
                    when is_direct then 'PR' || lpad(uid::varchar, 8, '0') || '-' || part
                    else strftime(paid_on, '%y%m%d') || 'C' || lpad(c::varchar, 5, '0')
                end as receipt_id,
                case when {draws.chance("bounce", key, 0.015)}
                    then known(next_workday(paid_on + {draws.between("bounce day", key, 2, 12)}))
                end as bounced_on,
                not is_direct and {draws.chance("unallocated", key, 0.0015)} as is_unallocated
            from keyed
        ),
        first_time as (
            select
                * exclude (is_unallocated),
                case when bounced_on is not null and {draws.chance("paid again", key, 0.75)}
                    then known(next_workday(bounced_on + {draws.between("again", key, 4, 25)}))
                end as paid_again_on,
                case
                    when is_direct or is_unallocated then null
                    when bounced_on is not null and {draws.chance("after bounce", key, 0.25)}
                        then known(bounced_on + {draws.between("after bounce day", key, 1, 6)})
                    when {draws.chance("late lettering", key, 0.03)}
                        then known(paid_on + {draws.between("lettering day", key, 4, 60)})
                    else paid_on
                end as lettered_on,
                -- Discounts of a fifth of the receipts are booked by date and name no receipt.
                not {draws.chance("dated discount", key, 0.2)} as names_receipt
            from drawn
        ),
        duplicated as (
            select uid
            from first_time
            where part = 1 and not is_direct and bounced_on is null and lettered_on = paid_on
                and discount_amount = 0
                and paid_on between date '{START}' + 60 and date '{END}' - 90
            order by {draws.unit("duplicate", "uid")}, uid
            limit {OVER_ALLOCATED}
        )
        select * from first_time
        union all
        select * replace (
            3 as part,
            paid_again_on as paid_on,
            case when names_receipt then discount_amount else 0 end as discount_amount,
            receipt_id || 'R' as receipt_id,
            null as bounced_on,
            null as paid_again_on,
            case when not is_direct then paid_again_on end as lettered_on
        )
        from first_time
        where paid_again_on is not null and part = 1
        union all
        select * replace (
            4 as part,
            paid_again_on as paid_on,
            receipt_id || 'R' as receipt_id,
            null as bounced_on,
            null as paid_again_on,
            case when not is_direct then paid_again_on end as lettered_on
        )
        from first_time
        where paid_again_on is not null and part = 2
        union all
        select * replace (
            5 as part,
            next_workday(paid_on + 20) as paid_on,
            receipt_id || 'D' as receipt_id,
            next_workday(paid_on + 20) as lettered_on
        )
        from first_time
        where part = 1 and uid in (select uid from duplicated)
    """


def _receipt(draws: Draws, invoices: int, customers: int) -> str:
    # `invoice_number` only where the cash book names the one invoice, and lettering holds nothing.
    key = "receipt_key"
    return f"""
        with received as (
            select
                entity_no,
                receipt_id,
                c,
                min(receipt_key) as receipt_key,
                min(paid_on) as received_on,
                sum(amount)::bigint as amount,
                min(bounced_on) as bounced_on,
                min(case when is_direct then invoice_number end) as invoice_number
            from payment
            group by entity_no, receipt_id, c
        ),
        overpaid as (
            select
                * exclude (receipt_key) replace (
                    case
                        when invoice_number is null and receipt_id not like '%R'
                            and {draws.chance("overpaid", key, 0.008)}
                            then amount + amount * {draws.between("excess", key, 1, 4)} // 100
                        else amount
                    end as amount
                ),
                case
                    when invoice_number is not null then 'PRL'
                    else {draws.pick("method", "c", ("VIR",) * 6 + ("CHQ",) * 2 + ("LCR",) * 2)}
                end as method
            from received
        )
        select * from overpaid
        union all
        -- Money on account that nobody allocates.
        select
            customer.home_no,
            'AC' || lpad(n::varchar, 8, '0'),
            customer.c,
            next_workday(date '{START}' + {draws.between("account day", "n", 3, 1080)}),
            {draws.between("account amount", "n", 10000, 250000)},
            null,
            null,
            'VIR'
        from range(1, {invoices // 800 + 4}) advances(n)
        inner join customer
            on customer.c = {draws.between("account customer", "n", 1, customers)}
        union all
        select
            entity_no,
            'RB' || credit_note_number,
            c,
            given_back_on,
            -gross,
            null,
            null,
            'VIR'
        from credit_note
        where given_back_on is not null
    """


def _lettering(draws: Draws) -> str:
    # Allocations, discounts and losses as the accounting system letters them.
    return f"""
        select
            entity_no,
            c,
            'L' || lpad(uid::varchar, 8, '0') || '-' || part as lettering_id,
            invoice_number,
            booked_on,
            amount,
            -- Some rows leave the date or the kind to the receipt they name.
            case when lettered_on > paid_on or {draws.chance("dated", "uid", 0.9)}
                then lettered_on end as lettered_on,
            case when {draws.chance("kind given", "uid", 0.95)} then 'REG' end as kind,
            receipt_id,
            null as credit_note_number,
            null as reason,
            paid_on,
            bounced_on
        from payment
        where lettered_on is not null
        union all
        select
            entity_no,
            c,
            'E' || lpad(uid::varchar, 8, '0') || '-' || part,
            invoice_number,
            booked_on,
            discount_amount,
            case when names_receipt and is_direct then null else coalesce(lettered_on, paid_on) end,
            'ESC',
            case when names_receipt then receipt_id end,
            null,
            null,
            case when names_receipt then paid_on end,
            case when names_receipt then bounced_on end
        from payment
        where discount_amount > 0 and (lettered_on is not null or is_direct)
        union all
        select
            entity_no,
            c,
            'A' || lpad(uid::varchar, 8, '0'),
            invoice_number,
            credited_on,
            gross,
            lettered_on,
            'AVO',
            null,
            credit_note_number,
            null,
            null,
            null
        from credit_note
        where lettered_on is not null
        union all
        -- A refund clears the credit note that it pays back.
        select
            entity_no,
            c,
            'B' || lpad(uid::varchar, 8, '0'),
            credit_note_number,
            credited_on,
            -gross,
            given_back_on,
            'REG',
            'RB' || credit_note_number,
            null,
            null,
            given_back_on,
            null
        from credit_note
        where given_back_on is not null
        union all
        select
            entity_no,
            c,
            'P' || lpad(uid::varchar, 8, '0'),
            invoice_number,
            booked_on,
            rest_amount,
            lost_on,
            'PER',
            null,
            null,
            case
                when failed_on is not null then 'INSOLVENCY'
                when course = 'short' then 'SMALL_BALANCE'
                else 'UNECONOMIC'
            end,
            null,
            null
        from invoice
        where lost_on is not null
    """


def _movement_month() -> str:
    # Allocations move nothing on the account; discounts and losses do.
    return f"""
        with reductions as (
            select
                entity_no, c, amount, bounced_on, greatest(lettered_on, booked_on, paid_on) as day
            from lettering
            where kind in ('ESC', 'PER')
        ),
        movements as (
            select entity_no, c, booked_on as day, gross as cents from invoice
            union all
            select entity_no, c, credited_on, -gross from credit_note
            union all
            select entity_no, c, date '{START}', -gross from old_credit
            union all
            select entity_no, c, received_on, -amount from receipt
            union all
            select entity_no, c, greatest(bounced_on, received_on), amount
            from receipt
            where bounced_on is not null
            union all
            select entity_no, c, day, -amount from reductions
            union all
            select entity_no, c, greatest(bounced_on, day), amount
            from reductions
            where bounced_on is not null
        )
        select entity_no, c, month_start(day) as month, sum(cents)::bigint as cents
        from movements
        group by all
    """


def _month() -> str:
    return f"""
        select day::date as month, last_day(day::date) as month_end
        from generate_series(date '{START}', date '{END}', interval 1 month) months(day)
        order by month
    """


def _control() -> str:
    return """
        with monthly as (
            select entity_no, month, sum(cents)::bigint as cents
            from movement_month
            group by all
        )
        select
            entity.entity_no,
            month.month_end,
            sum(coalesce(monthly.cents, 0)) over (
                partition by entity.entity_no order by month.month_end
            )::bigint as balance
        from entity
        cross join month
        left join monthly
            on entity.entity_no = monthly.entity_no and month.month = monthly.month
        order by entity.entity_no, month.month_end
    """


def _rate(draws: Draws) -> str:
    # Units of GBP for one EUR, in hundred-thousandths.
    return f"""
        select
            day::date as rate_date,
            86000 + sum({draws.between("rate", "day::date - date '2023-01-01'", -170, 170)}) over (
                order by day
            )::bigint as units
        from generate_series(date '2023-01-02', date '{END}', interval 1 day) days(day)
        where isodow(day) < 6 and strftime(day, '%m%d') not in ('0101', '0501', '1225', '1226')
        order by rate_date
    """


def _month_rate() -> str:
    # What a cent of an entity's ledger is worth in EUR at a month's end, in millionths.
    return """
        with last_rates as (
            select month.month, month.month_end, max_by(rate.units, rate.rate_date) as units
            from month
            inner join rate on rate.rate_date <= month.month_end
            group by all
        )
        select
            entity.entity_no,
            last_rates.month,
            last_rates.month_end,
            case when entity.currency_code = 'EUR' then 1000000
                else 100000000000 // last_rates.units end as micros
        from entity
        cross join last_rates
    """


def _doubtful() -> str:
    # Grain: one row per entity, doubtful customer and month end, from its first movement on.
    return """
        with moved as (
            select
                movement_month.entity_no,
                movement_month.c,
                customer.failed_on,
                min(movement_month.month) as first_month
            from movement_month
            inner join customer on movement_month.c = customer.c
            where customer.is_doubtful
            group by all
        )
        select
            moved.entity_no,
            moved.c,
            month_rate.month_end,
            coalesce(moved.failed_on <= month_rate.month_end, false) as has_failed,
            sum(coalesce(movement_month.cents, 0)) over (
                partition by moved.entity_no, moved.c order by month_rate.month_end
            )::bigint as cents,
            month_rate.micros
        from moved
        inner join month_rate
            on moved.entity_no = month_rate.entity_no and moved.first_month <= month_rate.month
        left join movement_month
            on moved.entity_no = movement_month.entity_no
            and moved.c = movement_month.c
            and month_rate.month = movement_month.month
    """


def _revenue() -> str:
    # Net revenue by entity and month, in cents of EUR.
    return """
        with sold as (
            select entity_no, month_start(issue_date) as month, sum(net)::bigint as cents
            from invoice
            where not is_older
            group by all
        )
        select
            month_rate.entity_no,
            month_rate.month,
            coalesce(sold.cents, 0) * month_rate.micros // 1000000 as cents
        from month_rate
        left join sold
            on month_rate.entity_no = sold.entity_no and month_rate.month = sold.month
    """


def reminders(draws: Draws) -> str:
    """SQL of the reminders: planned by days overdue, most of them sent, some too late."""
    levels = ", ".join(str(level) for level in _LEVELS)
    key = "invoice.uid * 8 + level.level"
    return f"""
        with level as (
            select * from (values {levels}) level(level, days_overdue, channel, cost)
        ),
        planned as (
            select
                invoice.entity_no,
                invoice.uid,
                invoice.invoice_number,
                invoice.open_until,
                invoice.collector_code,
                level.level,
                level.channel,
                level.cost,
                invoice.due_date + level.days_overdue as planned_on,
                case when {draws.chance("reminded", key, 0.9)}
                    then invoice.due_date + level.days_overdue
                        + {draws.between("reminded day", key, 0, 3)} // 2
                end as done_on,
                case when level.level > 1 and {draws.chance("reason", key, 0.5)}
                    then {draws.pick("which reason", key, _NON_PAYMENT)} end as reason
            from invoice
            cross join level
            where invoice.due_date is not null
                and invoice.disputed_on is null
                and invoice.due_date + level.days_overdue between date '{START}' and date '{END}'
                and invoice.open_until > invoice.due_date + level.days_overdue
        ),
        done as (
            select * replace (case when done_on < open_until then known(done_on) end as done_on)
            from planned
        )
        select
            entity_no,
            'RL' || lpad(uid::varchar, 8, '0') || '-' || level as reminder_id,
            invoice_number,
            planned_on,
            done_on,
            level,
            channel,
            collector_code,
            case when done_on is not null then cost else 0 end as cost,
            case when done_on is not null then reason end as reason
        from done
    """


def promises(draws: Draws) -> str:
    """SQL of the promises: of a third of the invoices that stay open after their due date."""
    key = "uid"
    return f"""
        with asked as (
            select
                *,
                due_date + {draws.between("promise made", key, 5, 18)} as made_on,
                {draws.chance("kept", key, 0.6)} as is_kept
            from invoice
            where due_date is not null and {draws.chance("promise", key, 0.35)}
        ),
        made as (
            select
                *,
                case when first_date > made_on then first_amount else 0 end
                    + case when second_date > made_on then second_amount else 0 end as coming,
                greatest(first_date, second_date) as last_paid_on
            from asked
            where made_on between date '{START}' and date '{END}' and open_until > made_on
        )
        select
            entity_no,
            'PR' || lpad(uid::varchar, 8, '0') as promise_id,
            invoice_number,
            made_on,
            case
                when is_kept and last_paid_on > made_on
                    then last_paid_on + {draws.between("promised early", key, 0, 3)}
                else made_on + {draws.between("promised", key, 4, 14)}
            end as promised_on,
            case when coming > 0 then coming else rest_amount end as amount
        from made
        where coming > 0 or rest_amount > 0
    """


def disputes(draws: Draws) -> str:
    """SQL of the disputes: some on the whole invoice, some on an amount, some two on one."""
    key = "uid * 2 + turn"
    return f"""
        with turns as (
            select *, 0 as turn, disputed_on as opened_on from invoice where disputed_on is not null
            union all
            select *, 1, disputed_on + {draws.between("again disputed", "uid", 2, 7)}
            from invoice
            where disputed_on is not null and {draws.chance("disputed again", "uid", 0.12)}
        )
        select
            entity_no,
            'LT' || lpad(uid::varchar, 8, '0') || '-' || (turn + 1) as dispute_id,
            invoice_number,
            opened_on,
            settled_on as closed_on,
            case when {draws.chance("whole", key, 0.55)}
                then greatest(100, gross * {draws.between("disputed part", key, 10, 80)} // 100)
            end as amount,
            {texts(_DISPUTES)}[{draws.between("cause", key, 1, len(_DISPUTES))}] as reason_code,
            case
                when settled_on is null then null
                when credit_amount > 0 then 'FONDE'
                else 'NON_FONDE'
            end as outcome
        from turns
        where opened_on <= date '{END}'
    """
