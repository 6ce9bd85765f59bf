"""Electronic invoices of EN 16931: UBL 2.1, UN/CEFACT CII, and CII inside a PDF (Factur-X).

Each document is a row of `COLUMNS`. The business terms (BT) are those of EN 16931-1:2017; codes of
document types are those of UNTDID 1001 that the code lists of the norm allow, and those that the
French reform adds.
"""

import io
import logging
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from xml.etree.ElementTree import Element

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from encours.errors import DataError
from encours.xml_files import (
    Extract,
    check_size,
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

_PARTY = ("code", "identifier", "registration_number", "vat_number", "name", "country_code")
COLUMNS = (
    "document_number",
    "document_type_code",
    "document_type",
    "issue_date",
    "due_date",
    "currency_code",
    "gross_amount",
    "net_amount",
    "tax_amount",
    "prepaid_amount",
    "payable_amount",
    "applies_to_invoice_number",
    "preceding_invoice_numbers",
    "payment_terms",
    "payment_reference",
    "order_reference",
    "buyer_reference",
    "is_factored",
    *(f"seller_{name}" for name in _PARTY),
    *(f"buyer_{name}" for name in _PARTY),
)


def _codes(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_INVOICES = _codes(
    "71 80 82 84 102 130 202 203 204 211 218 219 295 326 331 380 382 383 384 385 386 387 388 389 "
    "390 393 394 395 456 457 471 472 473 500 501 527 553 575 623 633 751 780 817 870 875 876 877 "
    "935"
)
_CREDIT_NOTES = _codes("81 83 261 262 296 308 381 396 420 458 502 503 532")
_DEBIT_NOTES = _codes("80 84 383")
_CORRECTED = _codes("384 471 472 473")
_FACTORED = _codes("393 396 472 473 501 502")
_PROFORMA = "325"

_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
_CII = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:"
_EMBEDDED = ("factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml")
_END_OF_PDF = 1024
"""Within so many bytes of its end a PDF says %%EOF (ISO 32000-1, annex H.3, note 18)."""

_Document = dict[str, str]


def read_ubl(path: Path, label: str, megabytes: int) -> Extract:
    """Read invoices and credit notes in UBL 2; an envelope around them is opened.

    Args:
        path: The file.
        label: Its name in messages.
        megabytes: The most it may hold.

    Raises:
        DataError: It is no UBL invoice, not well-formed, hostile or too large.
    """
    root = root_of(content_of(path, label, megabytes), label)
    found = [element for element in (root, *root) if _is_ubl(element)]
    if not found:
        raise _unexpected(label, root, "a UBL invoice or credit note")
    return _extract(label, (_ubl(element) for element in found))


def read_cii(path: Path, label: str, megabytes: int) -> Extract:
    """Read one UN/CEFACT Cross Industry Invoice.

    Args:
        path: The file.
        label: Its name in messages.
        megabytes: The most it may hold.

    Raises:
        DataError: It is no such invoice, not well-formed, hostile or too large.
    """
    return _read_cii(content_of(path, label, megabytes), label)


def read_facturx(path: Path, label: str, megabytes: int) -> Extract:
    """Read the invoice embedded in a Factur-X or ZUGFeRD 2 document.

    Args:
        path: The PDF.
        label: Its name in messages.
        megabytes: The most that the PDF, and the XML in it, may hold.

    Raises:
        DataError: It is no whole PDF, has no invoice inside, or that cannot be read.
    """
    content = content_of(path, label, megabytes)
    if not content.startswith(b"%PDF-"):
        raise DataError(f"{label}: is no PDF document. For a bare XML, set format: cii.")
    if b"%%EOF" not in content[-_END_OF_PDF:]:
        raise DataError(f"{label}: the PDF is cut off before its end. Deliver it again.")
    # What pypdf mends on its way to the attachment concerns nobody.
    logging.getLogger("pypdf").setLevel(logging.ERROR)
    try:
        name, embedded = _embedded(PdfReader(io.BytesIO(content)), label)
    except (PyPdfError, AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        reason = one_line(str(error)) or type(error).__name__
        raise DataError(
            f"{label}: cannot be read as PDF ({reason}). Deliver it again, or its XML by itself."
        ) from error
    check_size(embedded, f"{label}: {name}", megabytes)
    return _read_cii(embedded, f"{label}: {name}")


def _embedded(reader: PdfReader, label: str) -> tuple[str, bytes]:
    if reader.is_encrypted:
        raise DataError(f"{label}: the PDF is encrypted, which Factur-X forbids. Deliver it plain.")
    names = []
    for attachment in reader.attachment_list:
        names.append(attachment.name)
        if attachment.name.lower() in _EMBEDDED:
            return attachment.name, attachment.content
    listed = ", ".join(names) or "nothing"
    raise DataError(
        f"{label}: no invoice is embedded in the PDF (looked for {', '.join(_EMBEDDED)}; "
        f"embedded is {listed}). Ask for a Factur-X document, or enter the invoice otherwise."
    )


def _is_ubl(element: Element) -> bool:
    name = local_name(element)
    return name in ("Invoice", "CreditNote") and namespace(element) == f"{_UBL}{name}-2"


def _read_cii(content: bytes, label: str) -> Extract:
    root = root_of(content, label)
    if not namespace(root).startswith(_CII):
        raise _unexpected(label, root, "a Cross Industry Invoice")
    return _extract(label, iter([_cii(root)]))


def _unexpected(label: str, root: Element, expected: str) -> DataError:
    others = {
        "Invoice": "set format: ubl if it is UBL",
        "CreditNote": "set format: ubl if it is UBL",
        "CrossIndustryInvoice": "set format: cii",
        "CrossIndustryDocument": "it is ZUGFeRD 1, which EN 16931 replaced",
        "Document": "set format: camt if it is a bank statement",
    }
    advice = others.get(local_name(root), "check the path and the format in the source YAML")
    return DataError(f"{label}: the root <{local_name(root)}> is not {expected}; {advice}.")


def _extract(label: str, documents: Iterator[_Document]) -> Extract:
    rows = list(enumerate(documents, 1))
    remarks = [f"{label}: {remark}" for _, row in rows for remark in _remarks(row)]
    return extract(COLUMNS, [*rows], remarks=tuple(remarks))


def _remarks(document: _Document) -> Iterator[str]:
    number, dates = document["document_number"], document["due_dates"]
    if " " in dates:
        yield f"{number} is due on {dates.replace(' ', ', ')}: it is aged by the last of them."
    if document["document_type_code"] in _CORRECTED and document["document_type"] == "invoice":
        earlier = document["preceding_invoice_numbers"] or "an earlier invoice"
        yield (
            f"{number} is a corrected invoice. It counts beside {earlier}, until a credit note "
            "takes that back."
        )


def _ubl(root: Element) -> _Document:
    is_credit_note = local_name(root) == "CreditNote"
    currency = text(root, "DocumentCurrencyCode")
    totals = child(root, "LegalMonetaryTotal")
    document = {
        "document_number": text(root, "ID"),
        "document_type_code": text(root, "CreditNoteTypeCode", "InvoiceTypeCode")
        or ("381" if is_credit_note else "380"),
        "issue_date": day(text(root, "IssueDate")),
        "due_dates": _days(
            [text(root, "DueDate")],
            [*texts(root, "PaymentMeans/PaymentDueDate"), *texts(root, "PaymentTerms/DueDate")],
        ),
        "currency_code": currency,
        "gross_amount": _amount(totals, "TaxInclusiveAmount", currency),
        "net_amount": _amount(totals, "TaxExclusiveAmount", currency),
        "tax_amount": _tax(root, "TaxTotal/TaxAmount", currency),
        "prepaid_amount": _amount(totals, "PrepaidAmount", currency),
        "payable_amount": _amount(totals, "PayableAmount", currency),
        "preceding_invoice_numbers": _listed(root, "BillingReference/InvoiceDocumentReference/ID"),
        "payment_terms": " ".join(texts(root, "PaymentTerms/Note")),
        "payment_reference": text(root, "PaymentMeans/PaymentID"),
        "order_reference": text(root, "OrderReference/ID"),
        "buyer_reference": text(root, "BuyerReference"),
    }
    for prefix, path in (
        ("seller", "AccountingSupplierParty"),
        ("buyer", "AccountingCustomerParty"),
    ):
        document |= _party(prefix, child(root, f"{path}/Party"), _ubl_party)
    return _typed(document, is_credit_note)


def _ubl_party(party: Element) -> _Document:
    # The creditor identifier of SEPA stands among the identifiers of the seller (BT-90).
    identifiers = [
        one_line(found.text)
        for found in children(party, "PartyIdentification/ID")
        if found.get("schemeID") != "SEPA"
    ]
    vat_numbers = [
        text(scheme, "CompanyID")
        for scheme in children(party, "PartyTaxScheme")
        if text(scheme, "TaxScheme/ID") in ("VAT", "")
    ]
    return {
        "identifier": _first(identifiers),
        "registration_number": text(party, "PartyLegalEntity/CompanyID"),
        "vat_number": _first(vat_numbers),
        "name": text(party, "PartyLegalEntity/RegistrationName", "PartyName/Name"),
        "country_code": text(party, "PostalAddress/Country/IdentificationCode"),
    }


def _cii(root: Element) -> _Document:
    header = child(root, "ExchangedDocument")
    agreement = child(root, "SupplyChainTradeTransaction/ApplicableHeaderTradeAgreement")
    settlement = child(root, "SupplyChainTradeTransaction/ApplicableHeaderTradeSettlement")
    totals = child(settlement, "SpecifiedTradeSettlementHeaderMonetarySummation")
    currency = text(settlement, "InvoiceCurrencyCode")
    due = children(settlement, "SpecifiedTradePaymentTerms/DueDateDateTime")
    document = {
        "document_number": text(header, "ID"),
        "document_type_code": text(header, "TypeCode"),
        "issue_date": _cii_day(child(header, "IssueDateTime")),
        "due_dates": _days([], [_cii_day(moment) for moment in due]),
        "currency_code": currency,
        "gross_amount": _amount(totals, "GrandTotalAmount", currency),
        "net_amount": _amount(totals, "TaxBasisTotalAmount", currency),
        "tax_amount": _tax(totals, "TaxTotalAmount", currency),
        "prepaid_amount": _amount(totals, "TotalPrepaidAmount", currency),
        "payable_amount": _amount(totals, "DuePayableAmount", currency),
        "preceding_invoice_numbers": _listed(
            settlement, "InvoiceReferencedDocument/IssuerAssignedID"
        ),
        "payment_terms": " ".join(texts(settlement, "SpecifiedTradePaymentTerms/Description")),
        "payment_reference": text(settlement, "PaymentReference"),
        "order_reference": text(agreement, "BuyerOrderReferencedDocument/IssuerAssignedID"),
        "buyer_reference": text(agreement, "BuyerReference"),
    }
    for prefix, path in (("seller", "SellerTradeParty"), ("buyer", "BuyerTradeParty")):
        document |= _party(prefix, child(agreement, path), _cii_party)
    return _typed(document, is_credit_note=False)


def _cii_party(party: Element) -> _Document:
    vat_numbers = [
        one_line(found.text)
        for found in children(party, "SpecifiedTaxRegistration/ID")
        if found.get("schemeID") == "VA"
    ]
    return {
        "identifier": text(party, "ID", "GlobalID"),
        "registration_number": text(party, "SpecifiedLegalOrganization/ID"),
        "vat_number": _first(vat_numbers),
        "name": text(party, "Name", "SpecifiedLegalOrganization/TradingBusinessName"),
        "country_code": text(party, "PostalTradeAddress/CountryID"),
    }


def _cii_day(moment: Element | None) -> str:
    found = child(moment, "DateTimeString")
    if found is None:
        return day(text(moment, "DateTime"))
    words = one_line(found.text)
    # UNTDID 2379: 102 is CCYYMMDD; 203 and 204 go on with the time.
    if found.get("format", "102") in ("102", "203", "204") and words[:8].isdigit():
        return f"{words[:4]}-{words[4:6]}-{words[6:8]}" if len(words) >= len("CCYYMMDD") else words
    return day(words)


def _party(prefix: str, party: Element | None, reader: Callable[[Element], _Document]) -> _Document:
    if party is None:
        return {}
    found = reader(party)
    number = found["registration_number"].replace(" ", "")
    if number.isdigit():
        found["registration_number"] = number
    own = [found["identifier"], found["registration_number"]]
    # The seller is known by its place in the register, the buyer by what the seller calls it.
    own = own if prefix == "buyer" else own[::-1]
    found["code"] = _first([*own, found["vat_number"]])
    return {f"{prefix}_{name}": found[name] for name in _PARTY}


def _typed(document: _Document, is_credit_note: bool) -> _Document:
    code = document["document_type_code"]
    document["due_date"] = max(document["due_dates"].split(), default="")
    document["document_type"] = _document_type(
        code, is_credit_note or code in _CREDIT_NOTES, _is_negative(document["gross_amount"])
    )
    document["is_factored"] = "true" if code in _FACTORED else ""
    earlier = document["preceding_invoice_numbers"]
    if document["document_type"] == "credit_note" and "," not in earlier:
        document["applies_to_invoice_number"] = earlier
    return document


def _document_type(code: str, is_credit_note: bool, is_negative: bool) -> str:
    """Type as the feed knows it; what it has no type for keeps a name that is refused."""
    if is_credit_note:
        # By the norm it takes a credit back; by many programs it is a credit with a wrong sign.
        return "negative_credit_note" if is_negative else "credit_note"
    if code == _PROFORMA:
        return "proforma"
    if code not in _INVOICES:
        return code
    if is_negative:
        return "credit_note"
    return "debit_note" if code in _DEBIT_NOTES else "invoice"


def _is_negative(amount: str) -> bool:
    try:
        return Decimal(amount) < 0
    except InvalidOperation:
        return False


def _amount(totals: Element | None, path: str, currency: str) -> str:
    """Text of an amount; one in another currency than the document keeps that, to be refused."""
    found = child(totals, path)
    if found is None:
        return ""
    own = found.get("currencyID", currency)
    return one_line(found.text) if own == currency else f"{one_line(found.text)} {own}"


def _tax(element: Element | None, path: str, currency: str) -> str:
    # Where taxes are accounted for in another currency, the total is given in both.
    amounts = [
        found.text for found in children(element, path) if found.get("currencyID") == currency
    ]
    return one_line(amounts[0]) if amounts else ""


def _days(preferred: list[str], others: list[str]) -> str:
    """The dates given, each once, with blanks between: the preferred ones if there are any."""
    found = [day(words) for words in preferred if words] or [day(words) for words in others]
    return " ".join(dict.fromkeys(filter(None, found)))


def _listed(element: Element | None, path: str) -> str:
    return ", ".join(dict.fromkeys(texts(element, path)))


def _first(found: list[str]) -> str:
    return next(filter(None, found), "")
