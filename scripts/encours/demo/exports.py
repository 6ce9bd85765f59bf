"""The files, as the systems of the company write them: SQL of their rows, and their formats."""

from collections.abc import Iterator
from dataclasses import dataclass

from encours.demo import ledger
from encours.demo.documents import END, START
from encours.demo.draws import Draws

_FRENCH_CSV = "format csv, header true, delimiter ';', dateformat '%d/%m/%Y'"
_ENGLISH_CSV = "format csv, header true, delimiter ',', dateformat '%Y-%m-%d'"


@dataclass(frozen=True)
class Export:
    """One file; `options` are those of COPY, `encoding` that of the text."""

    name: str
    sql: str
    options: str = _FRENCH_CSV
    encoding: str = "utf-8"


def exports(draws: Draws) -> Iterator[Export]:
    """All files, in the order to write them."""
    yield Export("societes.csv", _entities())
    yield Export("tiers.csv", _customers(), encoding="cp1252")
    yield Export("journal_ventes.csv", _documents())
    yield Export("tresorerie.csv", _receipts())
    yield Export("lettrage.csv", _letterings())
    yield Export("litiges.jsonl", _disputes(draws), options="format json")
    yield Export("relances.csv", _reminders(draws))
    yield Export("promesses.csv", _promises(draws))
    yield Export("autorisations.parquet", _limits(draws), options="format parquet")
    yield Export("provisions.csv", _provisions())
    yield Export("couts_recouvrement.csv", _costs(draws))
    yield Export("tableau_gestion.csv", _financials(draws))
    yield Export("eurofxref-hist.csv", _rates(), options=_ENGLISH_CSV)
    yield Export("balance_411.csv", _control())


def _money(cents: str) -> str:
    """Cents as a decimal with two places."""
    return f"(({cents}) * 0.01::decimal(3, 2))::decimal(18, 2)"


def _comma(cents: str) -> str:
    """Cents as a text with a decimal comma."""
    return f"replace({_money(cents)}::varchar, '.', ',')"


def _flag(condition: str) -> str:
    return f"case when {condition} then 'O' when not {condition} then 'N' end"


def _entities() -> str:
    return """
        select entity_code as "Societe", entity_name as "RaisonSociale", country_code as "Pays"
        from entity
        order by entity_no
    """


def _customers() -> str:
    # Common customers have one row without entity, some a second one of their own in the UK. Others
    # have a second one from the day on which another salesperson takes them over, some of them as
    # key accounts.
    return f"""
        with own_rows as (
            select *, 0 as turn, case when kind <> 'common' then home_no end as entity_no
            from customer
            union all
            select
                * replace (
                    twin_region as region,
                    twin_salesperson_code as salesperson_code,
                    twin_collector_code as collector_code
                ),
                1,
                twin_no
            from customer
            where kind = 'twin'
            union all
            select * replace ('V301' as salesperson_code, 'R31' as collector_code), 1, 2
            from customer
            where kind = 'common' and c % 3 = 0
            union all
            select
                * replace (
                    next_salesperson_code as salesperson_code,
                    case when c % 12 = 5 then 'Key account' else segment end as segment
                ),
                2,
                case when kind <> 'common' then home_no end
            from customer
            where changed_on is not null
        )
        select
            customer_code as "CompteTiers",
            entity_code as "Societe",
            case when turn = 2 then changed_on end as "ValableDepuis",
            customer_name as "Intitule",
            segment as "Categorie",
            business_unit as "Activite",
            region as "Region",
            customer_type as "Nature",
            salesperson_code as "Commercial",
            case when c % 70 <> 23 then collector_code end as "ChargeRecouvrement",
            own_rows.country_code as "Pays",
            parent_code as "Groupe",
            registration_number as "Siren",
            industry_code as "CodeNAF",
            terms as "ConditionReglement",
            {_comma("risk_score * 100")} as "Score",
            case
                when risk_score >= 75 then 'A' when risk_score >= 60 then 'B'
                when risk_score >= 45 then 'C' when risk_score >= 25 then 'D' else 'E'
            end as "ClasseRisque",
            {_flag("is_doubtful")} as "Douteux",
            {_flag("is_insolvent")} as "ProcedureCollective",
            {_flag("is_insurable")} as "Assurable",
            signed_on as "CGVSigneesLe"
        from own_rows
        left join entity on own_rows.entity_no = entity.entity_no
        order by c, turn
    """


def _documents() -> str:
    return f"""
        with document as (
            select
                entity_no, invoice_number as number, document_code, c, issue_date, due_date,
                gross, net, null as applies_to, terms, invoice_unit, invoice_salesperson,
                is_factored, is_insurable,
                case when is_older then date '{START}' end as opening_date, booked_on
            from invoice
            union all
            select
                entity_no, credit_note_number, case kind when 'negative' then 'FA' else 'AV' end,
                c, credited_on, null, case kind when 'negative' then -gross else gross end,
                case kind when 'negative' then -credited_net else credited_net end,
                case when kind in ('linked', 'negative') then invoice_number end, null,
                invoice_unit, null, is_factored, null, null, credited_on
            from (
                -- The part of the invoice's net amount that is credited.
                select
                    credit_note.*,
                    credit_note.gross * invoice.net // invoice.gross as credited_net
                from credit_note
                left join invoice
                    on
                        credit_note.entity_no = invoice.entity_no
                        and credit_note.invoice_number = invoice.invoice_number
            )
            union all
            select
                entity_no, document_number, 'RAN', c, issue_date, null, -gross, null, null, null,
                null, null, null, null, date '{START}', date '{START}'
            from old_credit
        )
        select
            entity_code as "Societe",
            number as "Piece",
            document_code as "TypePiece",
            'C' || lpad(c::varchar, 5, '0') as "CompteTiers",
            issue_date as "DatePiece",
            due_date as "Echeance",
            {_comma("gross")} as "MontantTTC",
            {_comma("net")} as "MontantHT",
            currency_code as "Devise",
            applies_to as "PieceOrigine",
            terms as "ConditionReglement",
            invoice_unit as "Activite",
            invoice_salesperson as "Commercial",
            {_flag("is_factored")} as "Affacture",
            {_flag("is_insurable")} as "Assurable",
            opening_date as "DateReprise"
        from document
        inner join entity on document.entity_no = entity.entity_no
        order by booked_on, document.entity_no, number
    """


def _receipts() -> str:
    return f"""
        select
            entity_code as "Societe",
            receipt_id as "Encaissement",
            'C' || lpad(c::varchar, 5, '0') as "CompteTiers",
            received_on as "DateEncaissement",
            {_comma("amount")} as "Montant",
            currency_code as "Devise",
            method as "Mode",
            case when amount < 0 then 'REMBOURSEMENT' when invoice_number is null
                then 'VOTRE COMPTE C' || lpad(c::varchar, 5, '0') else invoice_number end
                as "Libelle",
            bounced_on as "DateRejet",
            invoice_number as "Piece"
        from receipt
        inner join entity on receipt.entity_no = entity.entity_no
        order by received_on, receipt.entity_no, receipt_id
    """


def _letterings() -> str:
    return f"""
        select
            entity_code as "Societe",
            lettering_id as "Lettrage",
            kind as "Nature",
            invoice_number as "Piece",
            {_comma("amount")} as "Montant",
            lettered_on as "DateLettrage",
            receipt_id as "Encaissement",
            credit_note_number as "Avoir",
            reason as "MotifPerte"
        from lettering
        inner join entity on lettering.entity_no = entity.entity_no
        order by coalesce(lettered_on, paid_on), lettering.entity_no, lettering_id
    """


def _disputes(draws: Draws) -> str:
    return f"""
        select
            dispute_id as id,
            entity_code as company,
            invoice_number as document,
            strftime(opened_on, '%Y-%m-%d') as opened,
            strftime(closed_on, '%Y-%m-%d') as closed,
            {_money("amount")} as amount,
            reason_code as reason,
            outcome
        from ({ledger.disputes(draws)}) disputes
        inner join entity on disputes.entity_no = entity.entity_no
        order by opened_on, disputes.entity_no, dispute_id
    """


def _reminders(draws: Draws) -> str:
    return f"""
        select
            entity_code as "Societe",
            reminder_id as "Relance",
            invoice_number as "Piece",
            planned_on as "PrevueLe",
            done_on as "FaiteLe",
            level as "Niveau",
            channel as "Canal",
            collector_code as "Charge",
            {_comma("cost")} as "Cout",
            reason as "MotifNonPaiement"
        from ({ledger.reminders(draws)}) reminders
        inner join entity on reminders.entity_no = entity.entity_no
        order by planned_on, reminders.entity_no, reminder_id
    """


def _promises(draws: Draws) -> str:
    return f"""
        select
            entity_code as "Societe",
            promise_id as "Promesse",
            invoice_number as "Piece",
            made_on as "FaiteLe",
            promised_on as "PromisePour",
            {_comma("amount")} as "Montant"
        from ({ledger.promises(draws)}) promises
        inner join entity on promises.entity_no = entity.entity_no
        order by made_on, promises.entity_no, promise_id
    """


def _limits(draws: Draws) -> str:
    # About what a customer owes when all goes well, rounded; the limit and the insurer's cover
    # follow it, and both change on days of their own.
    key = "own_rows.c"
    return f"""
        with bought as (
            select
                invoice.c,
                customer.kind,
                case when customer.kind <> 'common' then invoice.entity_no end as entity_no,
                sum(invoice.gross)::bigint * 75 // 1095 as usual
            from invoice
            inner join customer on invoice.c = customer.c
            where not invoice.is_older
            group by all
        ),
        own_rows as (
            select * from bought
            union all
            select c, kind, 2, usual // 5 from bought where kind = 'common' and c % 3 = 0
        ),
        rounded as (
            select
                own_rows.*,
                usual * {draws.between("limit", key, 90, 320)} // 100 as wanted,
                {draws.chance("limited", key, 0.88)} as is_limited,
                customer.is_insurable and {draws.chance("insured", key, 0.65)} as is_insured,
                date '2024-09-01' + {draws.between("limit change", key, 0, 300)} as changed_on,
                {draws.between("limit growth", key, 6, 14)} as tenths,
                {draws.chance("cover ends", key, 0.08)} as is_cancelled,
                {draws.between("quota", key, 0, 9)} as quota_draw
            from own_rows
            inner join customer on own_rows.c = customer.c
        ),
        periods as (
            select *, 1 as turn, date '2023-01-01' as valid_from, changed_on - 1 as valid_to
            from rounded
            union all
            select
                * replace (wanted * tenths // 10 as wanted),
                2,
                changed_on,
                null
            from rounded
        ),
        covered as (
            -- In thousands, the cover below the limit.
            select
                *,
                (1 + wanted // 100000) * 100000 as granted,
                (1 + wanted * 8 // 1000000) * 100000 as insured,
                is_insured and not (is_cancelled and turn = 2) as has_cover,
                case when c % 3 = 0 then 'Kreditschutz Rhein' else 'Garantie Atlas' end as insurer
            from periods
        )
        select
            entity_code as "Societe",
            'C' || lpad(c::varchar, 5, '0') as "Compte",
            valid_from as "ValableDu",
            valid_to as "ValableAu",
            case when is_limited then {_money("granted")} end as "Autorisation",
            case when has_cover then {_money("insured")} end
                as "MontantGaranti",
            case when has_cover and quota_draw > 1
                then case when quota_draw > 5 then 0.90 else 0.95 end::decimal(9, 6)
                end as "Quotite",
            case when has_cover then insurer end as "Assureur",
            coalesce(currency_code, 'EUR') as "Devise"
        from covered
        left join entity on covered.entity_no = entity.entity_no
        where is_limited or has_cover
        order by c, covered.entity_no nulls first, turn
    """


def _provisions() -> str:
    euros = "greatest(0, cents) * micros // 1000000"
    return f"""
        select
            entity_code as "Societe",
            'C' || lpad(c::varchar, 5, '0') as "CompteTiers",
            month_end as "DateArrete",
            {_comma(f"({euros}) * case when has_failed then 60 else 20 end // 100")} as "Provision"
        from doubtful
        inner join entity on doubtful.entity_no = entity.entity_no
        order by month_end, doubtful.entity_no, c
    """


def _costs(draws: Draws) -> str:
    # Category, cents a month, ten-thousandths of net revenue.
    kinds = "(0, 'staff', 420000, 60), (1, 'agency', 60000, 30), (2, 'legal', 45000, 20), "
    kinds += "(3, 'software', 90000, 0)"
    month = "datediff('month', date '2023-01-01', revenue.month)"
    key = f"(entity.entity_no * 100 + {month}) * 8 + kind.number"
    usual = "(kind.base + revenue.cents * kind.share // 10000)"
    return f"""
        select
            entity.entity_code as "Societe",
            revenue.month as "Mois",
            kind.category as "Nature",
            {_comma(f"{usual} * {draws.between('cost', key, 80, 120)} // 100")} as "Cout"
        from revenue
        inner join entity on revenue.entity_no = entity.entity_no
        cross join (values {kinds}) kind(number, category, base, share)
        order by revenue.month, entity.entity_no, kind.number
    """


def figures(draws: Draws) -> str:
    """SQL of the monthly figures of the accounts, in cents of EUR."""
    key = "entity_no * 100 + datediff('month', date '2023-01-01', month)"

    def share(stream: str, low: int, high: int, of: str = "cents") -> str:
        return f"({of} * {draws.between(stream, key, low, high)} // 1000)"

    return f"""
        with costs as (
            select *, {share("cost of goods", 580, 620)} as goods from revenue
        )
        select
            *,
            {share("purchases", 1120, 1240, "goods")} as purchases,
            {share("inventory", 1250, 1500, "goods")} as inventory,
            {share("payables", 1700, 2000, "goods")} as payables,
            {share("ebitda", 105, 140)} as ebitda,
            {share("cash flow", 75, 115)} as cash_flow,
            {share("free cash flow", 35, 75)} as free_cash_flow
        from costs
    """


def _financials(draws: Draws) -> str:
    return f"""
        select
            entity_code as "Societe",
            month as "Mois",
            {_comma("goods")} as "CoutVentes",
            {_comma("purchases")} as "AchatsTTC",
            {_comma("inventory")} as "Stocks",
            {_comma("payables")} as "DettesFournisseurs",
            {_comma("ebitda")} as "EBE",
            {_comma("cash_flow")} as "FluxExploitation",
            {_comma("free_cash_flow")} as "FluxDisponible"
        from ({figures(draws)}) figures
        inner join entity on figures.entity_no = entity.entity_no
        order by month, figures.entity_no
    """


def _rates() -> str:
    # Latest first, as the central bank publishes them.
    return """
        select rate_date as "Date", (units * 0.00001::decimal(6, 5))::decimal(12, 5) as "GBP"
        from rate
        order by rate_date desc
    """


def _control() -> str:
    return f"""
        select
            entity_code as "Societe",
            month_end as "DateArrete",
            '411000' as "Compte",
            {_comma("balance")} as "Solde"
        from control
        inner join entity on control.entity_no = entity.entity_no
        where month_end <= date '{END}'
        order by month_end, control.entity_no
    """
