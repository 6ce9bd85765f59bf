"""The same company as its ledger: one FEC per entity and year, as an accounting system writes it.

Journals VE (sales), AC (purchases), BQ (bank), OD (others) and AN (openings). What a receipt pays
is a line each, lettered with the invoice; what is not closed at the end of a year opens the next
one line by line. Only entities that keep their books in euros have one: the law asks for euros.
"""

from collections.abc import Iterator, Mapping
from datetime import date

from encours.demo import company
from encours.demo.documents import END, START
from encours.demo.draws import Draws
from encours.demo.exports import Export, figures

DEFAULT_TERMS = company.NET_30

# SIREN of the entities with a FEC, by number; invented.
SIRENS = {0: "999000019", 1: "999000027"}

# Last days of the financial years, which begin in July.
YEAR_ENDS = tuple(date(year, 6, 30) for year in range(START.year + 1, END.year + 1))

_OPTIONS = "format csv, header true, delimiter '\t', quote '', escape ''"

# The letters of a group, AAAA to ZZZZ.
MACROS = (
    "create macro letter_at(n) as chr((65 + n % 26)::integer)",
    "create macro letters(n) as letter_at(n // 17576) || letter_at(n // 676) "
    "|| letter_at(n // 26) || letter_at(n)",
    "create macro comma(cents) as replace((cents * 0.01::decimal(3, 2))::decimal(18, 2)::varchar, "
    "'.', ',')",
)

_JOURNALS = {
    "AN": "A nouveaux",
    "VE": "Ventes",
    "AC": "Achats",
    "BQ": "Banque",
    "OD": "Opérations diverses",
}
_ACCOUNTS = {
    "110000": "Report à nouveau",
    "120000": "Résultat de l'exercice",
    "164000": "Emprunts",
    "370000": "Stocks de marchandises",
    "401000": "Fournisseurs",
    "411000": "Clients",
    "416000": "Clients douteux",
    "421000": "Personnel",
    "445660": "TVA déductible",
    "445710": "TVA collectée",
    "491000": "Dépréciation des comptes clients",
    "512000": "Banque",
    "603700": "Variation des stocks de marchandises",
    "603800": "Autres variations de stocks",
    "607000": "Achats de marchandises",
    "641000": "Salaires",
    "654000": "Pertes sur créances irrécouvrables",
    "665000": "Escomptes accordés",
    "681740": "Dotations aux dépréciations des créances",
    "707000": "Ventes de marchandises",
    "758000": "Produits divers de gestion",
    "781740": "Reprises sur dépréciations des créances",
    "791000": "Transferts de charges",
}


def tables(draws: Draws) -> list[tuple[str, str]]:
    """Names and SQL of the tables of the ledger, to create after those of the company."""
    years = ", ".join(
        f"({place}, date '{end.replace(year=end.year - 1, month=7, day=1)}', date '{end}')"
        for place, end in enumerate(YEAR_ENDS, 1)
    )
    return [
        ("fec_year", f"select * from (values {years}) years(year, first_day, last_day)"),
        ("fec_owed", _owed()),
        ("fec_transfer", _transfer()),
        ("fec_customer", _customer_lines()),
        ("fec_carried", _carried()),
        ("fec_month", _month(draws)),
        ("fec_other", _other_lines()),
        ("fec_line", _lines()),
    ]


def exports() -> Iterator[Export]:
    """The FECs, in the order to write them."""
    for number, siren in SIRENS.items():
        for year, end in enumerate(YEAR_ENDS, 1):
            yield Export(f"{siren}FEC{end:%Y%m%d}.txt", _file(number, year), options=_OPTIONS)


def source_text(terms: Mapping[str, str]) -> str:
    """The source file that reads the FECs.

    Args:
        terms: Payment terms by customer code; those of all others are the default.
    """
    lines = [
        "# Ledger exports of the demonstration company (`encours demo --fec`).",
        "name: demo_fec",
        "files:",
    ]
    for number, siren in SIRENS.items():
        lines += [
            f'  - path: "{siren}FEC*.txt"',
            "    format: fec",
            f"    entity_code: {company.ENTITIES[number].code}",
            f"    payment_terms: {DEFAULT_TERMS}",
        ]
        if terms:
            lines.append("    payment_terms_by_customer:")
            lines += [f"      {code}: {text}" for code, text in terms.items()]
    return "\n".join(lines) + "\n"


def _owed() -> str:
    # Grain: one row per line on a customer account, but for transfers and openings. `grp` is what
    # it is lettered with and `letter_on` the day; `counter` the account against it.
    numbers = ", ".join(map(str, SIRENS))
    return f"""
        with allocated as (
            -- The part of each receipt that pays an invoice; a duplicate payment pays nothing, and
            -- what was lettered after it bounced was not either.
            select
                *,
                coalesce(lettered_on, paid_on) as letter_on
            from payment
            where
                part <> 5
                and (lettered_on is not null or is_direct)
                and (bounced_on is null or coalesce(lettered_on, paid_on) < bounced_on)
        ),
        used as (
            select entity_no, c, receipt_id, sum(amount)::bigint as amount
            from allocated
            group by all
        ),
        received as (
            select
                receipt.entity_no, receipt.c, receipt.receipt_id, receipt.received_on,
                receipt.bounced_on, allocated.uid as part, allocated.amount,
                allocated.invoice_number as grp, allocated.letter_on
            from receipt
            inner join allocated using (entity_no, c, receipt_id)
            union all
            select
                receipt.entity_no, receipt.c, receipt.receipt_id, receipt.received_on,
                receipt.bounced_on, 0, receipt.amount - coalesce(used.amount, 0),
                case when receipt.bounced_on is not null then 'B' || receipt.receipt_id end,
                receipt.bounced_on
            from receipt
            left join used using (entity_no, c, receipt_id)
            where receipt.amount > 0 and receipt.amount <> coalesce(used.amount, 0)
        ),
        owed as (
            select
                entity_no, booked_on as day, case when is_older then 'AN' else 'VE' end as journal,
                invoice_number as entry, uid as seq, c, invoice_number as piece,
                issue_date as piece_day, 'Facture ' || invoice_number as label, gross as cents,
                invoice_number as grp, null::date as letter_on,
                case when document_code = 'ND' then '758000' else '707000' end as counter,
                gross - net as vat
            from invoice
            union all
            select
                entity_no, date '{START}', 'AN', document_number, c, c, document_number, issue_date,
                'Solde ' || document_number, -gross, null, null, null, 0
            from old_credit
            union all
            select
                credit_note.entity_no, credit_note.credited_on, 'VE', credit_note_number,
                credit_note.uid, credit_note.c, credit_note_number, credit_note.credited_on,
                'Avoir ' || credit_note_number,
                -credit_note.gross,
                case
                    when kind in ('linked', 'negative') or lettered_on is not null
                        then invoice_number
                    when given_back_on is not null then credit_note_number
                end,
                case
                    when kind in ('linked', 'negative') then credit_note.credited_on
                    else coalesce(lettered_on, given_back_on)
                end,
                '707000',
                credit_note.gross * invoice.net // invoice.gross - credit_note.gross
            from credit_note
            inner join invoice using (entity_no, invoice_number)
            union all
            select
                entity_no, given_back_on, 'BQ', 'RB' || credit_note_number, uid, c,
                'RB' || credit_note_number, given_back_on, 'Remboursement ' || credit_note_number,
                gross, credit_note_number, given_back_on, '512000', 0
            from credit_note
            where given_back_on is not null
            union all
            select
                entity_no, received_on, 'BQ', receipt_id, part, c, receipt_id, received_on,
                'Règlement ' || receipt_id, -amount, grp, letter_on, '512000', 0
            from received
            union all
            select
                entity_no, greatest(bounced_on, received_on), 'BQ', receipt_id || ' rejet', part, c,
                receipt_id, received_on, 'Rejet ' || receipt_id, amount, grp,
                greatest(bounced_on, received_on), '512000', 0
            from received
            where bounced_on is not null
            union all
            select
                entity_no, greatest(lettered_on, booked_on, paid_on), 'OD', lettering_id, 0, c,
                lettering_id, greatest(lettered_on, booked_on, paid_on),
                case kind when 'PER' then 'Perte ' || reason else 'Escompte ' || invoice_number end,
                -amount, invoice_number, greatest(lettered_on, booked_on, paid_on),
                case kind when 'PER' then '654000' else '665000' end, 0
            from lettering
            -- A discount of a receipt that bounced before it was lettered never was one.
            where
                kind = 'PER'
                or kind = 'ESC' and coalesce(
                    greatest(lettered_on, booked_on, paid_on) < bounced_on, true
                )
            union all
            select
                entity_no, bounced_on, 'OD', lettering_id || ' repris', 0, c, lettering_id,
                bounced_on, 'Escompte repris ' || invoice_number, amount, invoice_number,
                bounced_on, '665000', 0
            from lettering
            where kind = 'ESC' and greatest(lettered_on, booked_on, paid_on) < bounced_on
        )
        select * from owed
        where entity_no in ({numbers})
    """


def _transfer() -> str:
    # What a customer owes when it fails becomes doubtful, invoice by invoice.
    return f"""
        select
            fec_owed.entity_no,
            fec_owed.c,
            fec_owed.grp,
            customer.failed_on as day,
            min(fec_owed.piece_day) as piece_day,
            sum(fec_owed.cents)::bigint as cents
        from fec_owed
        inner join customer on fec_owed.c = customer.c
        inner join invoice
            on fec_owed.entity_no = invoice.entity_no and fec_owed.grp = invoice.invoice_number
        where
            fec_owed.day <= customer.failed_on
            and customer.failed_on <= date '{END}'
            and invoice.booked_on <= customer.failed_on
        group by all
        having sum(fec_owed.cents) > 0
    """


def _customer_lines() -> str:
    # Grain: one row per line on a customer account, but for the openings of later years.
    return """
        with placed as (
            select
                fec_owed.*,
                case when fec_owed.day > fec_transfer.day then '416000' else '411000' end as account
            from fec_owed
            left join fec_transfer using (entity_no, c, grp)
            union all by name
            -- In pairs: each invoice leaves one account and comes to the other.
            select
                entity_no, day, 'OD' as journal, 'Douteux ' || c as entry,
                row_number() over (partition by entity_no, c order by grp) * 2 + side.place as seq,
                c, grp as piece, piece_day, 'Créance douteuse ' || grp as label,
                cents * side.sign as cents, grp, case when side.place = 1 then day end as letter_on,
                side.account
            from fec_transfer
            cross join (values (0, 1, '416000'), (1, -1, '411000')) side(place, sign, account)
        ),
        lettered as (
            -- The document of a group gets its letter with the first line that settles it.
            select
                * replace (
                    case when grp is not null then coalesce(
                        letter_on, min(letter_on) over (partition by entity_no, c, grp, account)
                    ) end as letter_on
                )
            from placed
            where cents <> 0
        )
        select
            * replace (case when letter_on < day then day else letter_on end as letter_on),
            row_number() over (order by entity_no, day, journal, entry, seq, account) as id
        from lettered
    """


def _carried() -> str:
    # Grain: one row per year and line on a customer account in it, openings included. A group is
    # closed when it balances for good; until then it opens the next year, line by line.
    return """
        with seen as (
            select
                fec_year.year,
                fec_year.first_day,
                fec_year.last_day,
                fec_customer.*,
                coalesce(grp, id::varchar) as own_grp,
                coalesce(letter_on <= last_day, false) as is_lettered
            from fec_customer
            inner join fec_year on fec_customer.day <= fec_year.last_day
        ),
        whole as (
            select entity_no, c, account, grp, max(greatest(day, letter_on)) as closed_on,
                sum(cents) as cents
            from fec_customer
            where grp is not null
            group by all
        ),
        judged as (
            select
                seen.*,
                coalesce(whole.cents = 0 and whole.closed_on <= seen.last_day, false) as is_closed,
                coalesce(whole.cents = 0 and whole.closed_on < seen.first_day, false) as was_closed,
                sum(seen.cents) filter (where is_lettered) over same <> 0
                and count(*) filter (where is_lettered) over same > 1 as is_partly_lettered
            from seen
            left join whole using (entity_no, c, account, grp)
            window same as (
                partition by seen.year, seen.entity_no, seen.c, seen.account, seen.own_grp
            )
        )
        select
            * exclude (is_lettered, is_closed, was_closed, is_partly_lettered, own_grp, last_day)
            replace (
                case when is_closed or is_lettered and is_partly_lettered then letter_on end
                    as letter_on
            ),
            day < first_day as is_repeat,
            is_closed or is_lettered and is_partly_lettered as has_letter
        from judged
        where not was_closed
    """


def _month(draws: Draws) -> str:
    # Figures of the accounts in cents, and what else must be booked for them to come out.
    return f"""
        with figure as ({figures(draws)}),
        booked as (
            select
                entity_no,
                month_start(day) as month,
                coalesce(-sum(cents) filter (where counter = '512000'), 0)::bigint as cash,
                coalesce(sum(cents - vat) filter (where counter = '707000'), 0)::bigint as revenue
            from fec_owed
            where journal <> 'AN'
            group by all
        )
        select
            figure.entity_no,
            figure.month,
            last_day(figure.month) as day,
            figure.goods,
            figure.purchases,
            figure.purchases * 5 // 6 as purchases_net,
            figure.inventory,
            figure.inventory - coalesce(lag(figure.inventory) over months, figure.inventory)
                as stocked,
            figure.payables,
            coalesce(lag(figure.payables) over months, figure.payables) + figure.purchases
                - figure.payables as paid,
            coalesce(booked.revenue, 0) - figure.goods - figure.ebitda as staff,
            figure.cash_flow - coalesce(booked.cash, 0) as cash_elsewhere
        from figure
        left join booked using (entity_no, month)
        where figure.entity_no in ({", ".join(map(str, SIRENS))})
        window months as (partition by figure.entity_no order by figure.month)
    """


def _other_lines() -> str:
    # Grain: one row per line on any other account, but for the openings of later years.
    pairs = """
        ('AC', 'Achats', '607000', purchases_net, '401000'),
        ('AC', 'Achats', '445660', purchases - purchases_net, '401000'),
        ('OD', 'Stock', '370000', stocked, '603700'),
        ('OD', 'Variation', '603800', goods - purchases_net + stocked, '791000'),
        ('BQ', 'Fournisseurs', '401000', paid, '512000'),
        ('OD', 'Salaires', '641000', staff, '421000'),
        ('BQ', 'Salaires', '421000', staff, '512000'),
        ('BQ', 'Emprunt', '512000', cash_elsewhere + paid + staff, '164000')
    """
    return f"""
        with monthly as (
            select
                entity_no, day, pair.journal, pair.entry || ' ' || strftime(day, '%Y%m') as entry,
                pair.debit_account, pair.cents, pair.credit_account
            from fec_month
            cross join lateral (values {pairs})
                pair(journal, entry, debit_account, cents, credit_account)
        ),
        stock as (
            select
                entity_no, c, month_end,
                greatest(0, cents) * case when has_failed then 60 else 20 end // 100 as cents
            from doubtful
        ),
        provision as (
            select
                *,
                cents - coalesce(lag(cents, 1, 0) over (
                    partition by entity_no, c order by month_end
                ), 0) as added
            from stock
        ),
        others as (
            -- What stands against the customer accounts.
            select entity_no, day, journal, entry, counter as account, null::bigint as c,
                -sum(cents - vat)::bigint as cents
            from fec_owed
            where counter is not null and journal <> 'AN'
            group by all
            union all
            select entity_no, day, journal, entry, '445710', null, -vat
            from fec_owed
            where journal <> 'AN'
            union all
            select entity_no, day, journal, entry, debit_account, null, cents from monthly
            union all
            select entity_no, day, journal, entry, credit_account, null, -cents from monthly
            union all
            select entity_no, month_end, 'OD', 'Provision ' || c, '491000', c, -added
            from provision
            union all
            select entity_no, month_end, 'OD', 'Provision ' || c,
                case when added > 0 then '681740' else '781740' end, null, added
            from provision
            union all
            -- What the first year opens with, against the results of earlier ones.
            select entity_no, month, 'AN', 'AN', '370000', null, inventory
            from fec_month where month = date '{START}'
            union all
            select entity_no, month, 'AN', 'AN', '401000', null, -payables
            from fec_month where month = date '{START}'
            union all
            select entity_no, month, 'AN', 'AN', '110000', null,
                payables - inventory - (
                    select sum(fec_owed.cents)
                    from fec_owed
                    where fec_owed.entity_no = fec_month.entity_no and fec_owed.journal = 'AN'
                )
            from fec_month where month = date '{START}'
        )
        select * from others
        where cents <> 0 and entity_no in ({", ".join(map(str, SIRENS))})
    """


def _lines() -> str:
    # Grain: one row per line of a file.
    return """
        with opened as (
            select
                fec_other.entity_no,
                fec_year.year,
                fec_year.first_day as day,
                case when account < '6' then account else '120000' end as account,
                c,
                sum(cents)::bigint as cents
            from fec_other
            inner join fec_year on fec_other.day < fec_year.first_day
            group by all
            having sum(cents) <> 0
        ),
        written as (
            select
                entity_no, year, case when is_repeat then first_day else day end as day,
                case when is_repeat then 'AN' else journal end as journal,
                case when is_repeat or journal = 'AN' then 'AN' else entry end as entry,
                0 as place, seq, id, account, c, piece, piece_day, label, cents,
                case when has_letter then
                    letters(dense_rank() over (
                        partition by entity_no, year, c, account, has_letter order by grp
                    ) - 1)
                end as letter,
                letter_on
            from fec_carried
            union all
            select
                entity_no, year, day, 'AN', 'AN', 1, 0, 0, account, c, 'AN', day, 'A nouveau',
                cents, null, null
            from opened
            union all
            select
                fec_other.entity_no, fec_year.year, day, journal, entry, 1, 0, 0, account, c,
                split_part(entry, ' rejet', 1), day, entry, cents, null, null
            from fec_other
            inner join fec_year on day between first_day and last_day
        )
        select
            *,
            dense_rank() over (
                partition by entity_no, year order by journal <> 'AN', day, journal, entry
            ) as number
        from written
    """


def _file(entity_no: int, year: int) -> str:
    def named(column: str, names: dict[str, str]) -> str:
        whens = " ".join(
            f"when '{code}' then '{name.replace(chr(39), chr(39) * 2)}'"
            for code, name in names.items()
        )
        return f"case {column} {whens} end"

    return f"""
        select
            journal as "JournalCode",
            {named("journal", _JOURNALS)} as "JournalLib",
            number as "EcritureNum",
            strftime(day, '%Y%m%d') as "EcritureDate",
            account as "CompteNum",
            {named("account", _ACCOUNTS)} as "CompteLib",
            customer_code as "CompAuxNum",
            customer_name as "CompAuxLib",
            piece as "PieceRef",
            strftime(piece_day, '%Y%m%d') as "PieceDate",
            label as "EcritureLib",
            comma(greatest(cents, 0)) as "Debit",
            comma(greatest(-cents, 0)) as "Credit",
            letter as "EcritureLet",
            strftime(letter_on, '%Y%m%d') as "DateLet",
            strftime(last_day(day), '%Y%m%d') as "ValidDate",
            null as "Montantdevise",
            null as "Idevise"
        from fec_line
        left join customer on fec_line.c = customer.c
        where entity_no = {entity_no} and year = {year}
        order by number, place, seq, id, account, fec_line.c
    """
