"""Bank statements in XML: camt.053 and camt.054 of ISO 20022, in any version of 001.

Each transaction is a row of `COLUMNS`: an entry of the statement, or each of the transactions that
the bank booked in one sum. Elements are those of the message definitions of ISO 20022.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from xml.etree.ElementTree import Element

from encours.errors import DataError
from encours.text import Refusal
from encours.xml_files import (
    Extract,
    child,
    children,
    content_of,
    day,
    extract,
    local_name,
    namespace,
    one_line,
    root_of,
    text,
    texts,
)

COLUMNS = (
    "receipt_id",
    "kind",
    "status",
    "booking_date",
    "value_date",
    "amount",
    "currency_code",
    "customer_code",
    "debtor_name",
    "debtor_account",
    "invoice_number",
    "reference",
    "remittance_text",
    "creditor_reference",
    "end_to_end_id",
    "transaction_code",
    "method",
    "account",
    "account_owner",
    "statement_id",
    "entry_number",
    "entry_reference",
    "entry_amount",
)
OTHER_DEBTORS = "*"
"""In the list of debtors: whoever is not in it and names no invoice."""

_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"
_MESSAGES = {"camt.053.001.": "BkToCstmrStmt/Stmt", "camt.054.001.": "BkToCstmrDbtCdtNtfctn/Ntfctn"}
_METHODS = {
    "RCDT": "transfer",
    "RRCT": "transfer",
    "IDDT": "direct debit",
    "RCHQ": "cheque",
    "MCRD": "card",
    "CNTR": "cash",
    "DRFT": "bill",
}
"""Families of the bank transaction codes of ISO 20022, in the domain of payments."""
_NO_REFERENCE = ("NOTPROVIDED", "NONREF")
_INVOICE_TYPES = ("CINV", "MSIN", "SBIN", "DEBN", "DNFA", "HIRI", "")
"""Types of documents that a payer can owe; without a type it is an invoice."""

_Row = dict[str, str]


class _Unclear(Exception):  # noqa: N818 - a reason to refuse an entry, caught right here
    """Why an entry cannot become receipts."""


def read_camt(path: Path, label: str, megabytes: int, customer_of: Mapping[str, str]) -> Extract:
    """Read the transactions of bank statements or of debit and credit notifications.

    Args:
        path: The file.
        label: Its name in messages.
        megabytes: The most it may hold.
        customer_of: Customers by account or name of the debtor; `*` is everybody else.

    Raises:
        DataError: It is no camt.053 or camt.054, not well-formed, hostile or too large.
    """
    root = root_of(content_of(path, label, megabytes), label)
    found = namespace(root).removeprefix(_NAMESPACE)
    below = next((path for name, path in _MESSAGES.items() if found.startswith(name)), None)
    if below is None or local_name(root) != "Document":
        raise DataError(
            f"{label}: the root <{local_name(root)}> of '{namespace(root)}' is no camt.053 or "
            "camt.054. Deliver the bank's statements in one of these, and leave out what repeats "
            "them, such as the reports of the day (camt.052)."
        )
    customers = {_account(name): code for name, code in customer_of.items()}
    rows: list[tuple[int, Mapping[str, str]]] = []
    refusals: list[Refusal] = []
    for head, number, entry in _entries(root, below):
        line = len(rows) + len(refusals) + 1
        try:
            transactions = _transactions(entry)
        except _Unclear as reason:
            refusals.append(Refusal(line, one_line("".join(entry.itertext())), str(reason)))
            continue
        for place, transaction in enumerate(transactions, 1):
            row = _row(head, number, entry, transaction)
            row["receipt_id"] += f"/{place}" if len(transactions) > 1 else ""
            row["customer_code"] = _customer(row, customers)
            rows.append((line + place - 1, row))
    return extract(COLUMNS, rows, tuple(refusals))


def _entries(root: Element, below: str) -> Iterator[tuple[_Row, int, Element]]:
    """Yield the entries with what their statement says of all of them, and their place in it."""
    for statement in children(root, below):
        head = {
            "account": _account(text(statement, "Acct/Id/IBAN", "Acct/Id/Othr/Id")),
            "account_owner": text(statement, "Acct/Ownr/Nm"),
            "statement_id": text(statement, "Id"),
        }
        for number, entry in enumerate(children(statement, "Ntry"), 1):
            yield head, number, entry


def _transactions(entry: Element) -> list[tuple[Element | None, str, str]]:
    """Transactions of an entry with amount and currency: itself, unless it is a sum of several.

    Raises:
        _Unclear: The entry is a receipt, and what it is made of does not add up to it.
    """
    amount, currency = _written(child(entry, "Amt"))
    details = children(entry, "NtryDtls/TxDtls")
    if not _status(entry):
        raise _Unclear("has no status (Sts), so whether it is booked is not known")
    if _kind(entry) == "":
        raise _Unclear("has no credit or debit indicator (CdtDbtInd)")
    sign = "-" if text(entry, "CdtDbtInd") == "DBIT" else ""
    whole = (details[0] if len(details) == 1 else None, _signed(sign, amount), currency)
    if len(details) <= 1 or _kind(entry) not in ("receipt", "reversal"):
        return [whole]
    parts = []
    for detail in details:
        own = child(detail, "Amt")
        part, unit = _written(child(detail, "AmtDtls/TxAmt/Amt") if own is None else own)
        side = text(detail, "CdtDbtInd") or text(entry, "CdtDbtInd")
        parts.append((detail, _signed("-" if side == "DBIT" else "", part), unit))
    try:
        total = sum((Decimal(part) for _, part, _ in parts), Decimal(0))
        adds_up = total == Decimal(whole[1])
    except InvalidOperation:
        total, adds_up = None, False
    if not adds_up or any(unit != currency for _, _, unit in parts):
        given = "an amount is missing" if total is None else f"they give {total}"
        raise _Unclear(
            f"is a sum of {len(parts)} transactions that do not add up to it in {currency}: "
            f"{given}, the entry has {whole[1]}"
        )
    return [*parts]


def _row(
    head: _Row, number: int, entry: Element, transaction: tuple[Element | None, str, str]
) -> _Row:
    detail, amount, currency = transaction
    kind = _kind(entry)
    reference = text(entry, "AcctSvcrRef")
    # Without a reference of the bank: the place in the statement, which is numbered by account.
    identifier = reference or f"{head['account']}/{head['statement_id']}/{number}"
    remittance = child(detail, "RmtInf")
    structured = children(remittance, "Strd")
    end_to_end = text(detail, "Refs/EndToEndId")
    row = head | {
        # A bank may give a reversal the reference of what it reverses.
        "receipt_id": f"{identifier}/R" if kind == "reversal" else identifier,
        "kind": kind,
        "status": _status(entry),
        "booking_date": day(text(entry, "BookgDt/Dt", "BookgDt/DtTm")),
        "value_date": day(text(entry, "ValDt/Dt", "ValDt/DtTm")),
        "amount": amount,
        "currency_code": currency,
        "debtor_name": text(detail, "RltdPties/Dbtr/Nm", "RltdPties/Dbtr/Pty/Nm"),
        "debtor_account": _account(
            text(detail, "RltdPties/DbtrAcct/Id/IBAN", "RltdPties/DbtrAcct/Id/Othr/Id")
        ),
        "invoice_number": _invoice(structured),
        "remittance_text": " ".join(texts(remittance, "Ustrd")),
        "creditor_reference": text(remittance, "Strd/CdtrRefInf/Ref"),
        "end_to_end_id": "" if end_to_end.upper() in _NO_REFERENCE else end_to_end,
        "transaction_code": _transaction_code(detail, entry),
        "method": _METHODS.get(_family(detail, entry), ""),
        "entry_number": str(number),
        "entry_reference": text(entry, "NtryRef"),
        "entry_amount": text(entry, "Amt"),
    }
    sent = [row["remittance_text"]]
    for part in structured:
        sent += [text(part, "CdtrRefInf/Ref"), *texts(part, "RfrdDocInf/Nb")]
        sent += texts(part, "AddtlRmtInf")
    row["reference"] = " ".join(dict.fromkeys(filter(None, sent))) or row["end_to_end_id"]
    return row


def _kind(entry: Element) -> str:
    """What an entry is to the ledger of customers.

    A reversal has the side opposite to what it reverses: a reversed credit is a debit.
    """
    side, is_reversal = text(entry, "CdtDbtInd"), text(entry, "RvslInd") in ("true", "1")
    if side == "CRDT":
        return "payment_reversal" if is_reversal else "receipt"
    if side == "DBIT":
        return "reversal" if is_reversal else "payment"
    return ""


def _status(entry: Element) -> str:
    # A code of its own since version 8, the bare code before.
    return text(entry, "Sts/Cd", "Sts")


def _written(amount: Element | None) -> tuple[str, str]:
    return ("", "") if amount is None else (one_line(amount.text), amount.get("Ccy", ""))


def _signed(sign: str, amount: str) -> str:
    return f"{sign}{amount}" if amount else ""


def _account(written: str) -> str:
    """An account without the blanks between its groups; a name in the same way, to look it up."""
    return "".join(written.split()).upper()


def _customer(row: _Row, customers: Mapping[str, str]) -> str:
    for known in (row["debtor_account"], row["debtor_name"]):
        if known and _account(known) in customers:
            return customers[_account(known)]
    return "" if row["invoice_number"] else customers.get(OTHER_DEBTORS, "")


def _invoice(structured: list[Element]) -> str:
    """The only invoice that the payer names; with several, nothing says what is for which."""
    numbers = {
        number
        for part in structured
        for document in children(part, "RfrdDocInf")
        if text(document, "Tp/CdOrPrtry/Cd", "Tp/CdOrPrtry/Prtry") in _INVOICE_TYPES
        for number in texts(document, "Nb")
    }
    return numbers.pop() if len(numbers) == 1 else ""


def _family(detail: Element | None, entry: Element) -> str:
    return text(detail, "BkTxCd/Domn/Fmly/Cd") or text(entry, "BkTxCd/Domn/Fmly/Cd")


def _transaction_code(detail: Element | None, entry: Element) -> str:
    for element in (detail, entry):
        domain = child(element, "BkTxCd/Domn")
        if domain is not None:
            parts = [text(domain, path) for path in ("Cd", "Fmly/Cd", "Fmly/SubFmlyCd")]
            return "/".join(filter(None, parts))
        if own := text(element, "BkTxCd/Prtry/Cd"):
            return own
    return ""
