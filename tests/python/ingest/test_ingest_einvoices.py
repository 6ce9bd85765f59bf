"""Electronic invoices and bank statements give invoices, customers and receipts."""

import io
import re
import zlib
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from encours.check import check_source
from encours.errors import DataError, UsageError
from encours.home import Home
from encours.sources import Source, load_source
from pypdf import PdfWriter
from pypdf.generic import NameObject
from support import EXAMPLES, PROJECT

from .conftest import Desk

DATA = PROJECT / "tests" / "data" / "einvoices"
INVOICE = (DATA / "invoice_ubl.xml").read_text(encoding="utf-8")
CREDIT_NOTE = (DATA / "credit_note_ubl.xml").read_text(encoding="utf-8")
CII = (DATA / "factur-x.xml").read_text(encoding="utf-8")
STATEMENT = (DATA / "statement_camt053.xml").read_text(encoding="utf-8")
NOTIFICATION = (DATA / "notification_camt054.xml").read_text(encoding="utf-8")

SELLER = "123456782"
DOCUMENTS = (
    "select entity_code, invoice_number, customer_code, issue_date, due_date, gross_amount, "
    "net_amount, currency_code, document_type, applies_to_invoice_number, payment_terms, "
    "is_factored, _source_row from raw.invoices order by invoice_number"
)
BILLION_LAUGHS = "<!DOCTYPE a [<!ENTITY l0 'ha'>{}]>".format(
    "".join(f"<!ENTITY l{i} '{f'&l{i - 1};' * 10}'>" for i in range(1, 10))
)
OUTSIDE = "<!DOCTYPE a [<!ENTITY huge SYSTEM 'file:///dev/zero'>]>"


def pdf(name: str = "factur-x.xml", content: str = CII, password: str | None = None) -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(width=595, height=842)
    embedded = writer.add_attachment(name, zlib.compress(content.encode()))
    embedded._embedded_file[NameObject("/Filter")] = NameObject("/FlateDecode")
    if password is not None:
        writer.encrypt(password, algorithm="RC4-128")
    stream = io.BytesIO()
    writer.write(stream)
    return stream.getvalue()


def source(desk: Desk, kind: str, path: str, *options: str, head: str = "") -> Source:
    lines = "".join(f"\n    {option}" for option in options)
    return desk.yaml(
        f"name: docs\n{head}files:\n  - path: '{path}'\n    format: {kind}\n    load: upsert{lines}"
    )


def camt(desk: Desk, *options: str, path: str = "bank.xml") -> Source:
    return source(desk, "camt", path, *options, head="defaults: {entity_code: FR1}\n")


def test_a_ubl_invoice_and_its_credit_note(desk: Desk) -> None:
    desk.put("1.xml", INVOICE)
    desk.put("2.xml", CREDIT_NOTE)
    desk.ingest(source(desk, "ubl", "*.xml"))
    assert desk.query(DOCUMENTS) == [
        (
            SELLER,
            "A-2026-001",
            "C100",
            date(2026, 1, 20),
            None,
            Decimal(120),
            Decimal(100),
            "EUR",
            "credit_note",
            "F-2026-001",
            None,
            None,
            1,
        ),
        (
            SELLER,
            "F-2026-001",
            "C100",
            date(2026, 1, 10),
            date(2026, 2, 9),
            Decimal(1200),
            Decimal(1000),
            "EUR",
            "invoice",
            None,
            "30 jours",
            None,
            1,
        ),
    ]
    assert desk.query(
        "select entity_code, customer_name, country_code, registration_number from raw.customers "
        "where _source_file = '1.xml'"
    ) == [(None, "Brasserie du Parc", "BE", "0403170701")]


@pytest.mark.parametrize("kind", ["cii", "facturx"])
def test_a_cii_invoice_by_itself_and_in_a_pdf(desk: Desk, kind: str) -> None:
    desk.put("1.doc", CII if kind == "cii" else pdf())
    desk.ingest(source(desk, kind, "1.doc"))
    assert desk.query(DOCUMENTS) == [
        (
            SELLER,
            "F-2026-002",
            "C200",
            date(2026, 1, 15),
            date(2026, 3, 31),
            Decimal(600),
            Decimal(500),
            "EUR",
            "invoice",
            None,
            "45 jours fin de mois",
            None,
            1,
        )
    ]
    assert desk.query(
        "select customer_code, customer_name, registration_number from raw.customers"
    ) == [("C200", "Café de la Gare", "987654324")]


def test_documents_in_an_envelope_are_numbered(desk: Desk) -> None:
    bodies = [re.sub(r"^<\?xml.*?\?>", "", text) for text in (INVOICE, CREDIT_NOTE)]
    desk.put("1.xml", f"<StandardBusinessDocument>{''.join(bodies)}</StandardBusinessDocument>")
    result = desk.ingest(source(desk, "ubl", "1.xml"))
    assert [row[-1] for row in desk.query(DOCUMENTS)] == [2, 1]
    assert result.files[0].rows_read == 2


def test_the_mapping_can_be_told_otherwise(desk: Desk) -> None:
    desk.put("1.xml", INVOICE)
    feeds = (
        "feeds:",
        "  invoices:",
        "    customer_code: buyer_registration_number",
        "    entity_code: {sql: \"case seller_code when '123456782' then 'FR1' end\"}",
        "    gross_amount: payable_amount",
        "  entities: {entity_code: {value: FR1}}",
    )
    desk.ingest(source(desk, "ubl", "1.xml", *feeds))
    assert desk.query("select entity_code, customer_code, due_date from raw.invoices") == [
        ("FR1", "0403170701", date(2026, 2, 9))
    ]
    assert desk.query("select entity_code, entity_name, country_code from raw.entities") == [
        ("FR1", "Atelier du Rhône SAS", "FR")
    ]
    assert desk.query("select * from raw.customers") == []


def test_defaults_give_the_entity_but_no_fact_of_a_document(desk: Desk) -> None:
    desk.put("1.xml", INVOICE)
    head = "defaults: {entity_code: FR9, currency_code: USD}\n"
    desk.ingest(source(desk, "ubl", "1.xml", head=head))
    assert desk.query("select entity_code, currency_code from raw.invoices") == [("FR9", "EUR")]


@pytest.mark.parametrize(
    ("code", "sign", "document_type", "is_factored"),
    [
        ("384", "", "invoice", None),
        ("384", "-", "credit_note", None),
        ("383", "", "debit_note", None),
        ("389", "", "invoice", None),
        ("393", "", "invoice", True),
        ("381", "", "credit_note", None),
        ("261", "", "credit_note", None),
        ("396", "", "credit_note", True),
    ],
)
def test_document_types(
    desk: Desk, code: str, sign: str, document_type: str, is_factored: bool | None
) -> None:
    text = CII.replace("<ram:TypeCode>380", f"<ram:TypeCode>{code}")
    desk.put("1.xml", text.replace("Amount>600", f"Amount>{sign}600"))
    result = desk.ingest(source(desk, "cii", "1.xml"))
    sql = "select document_type, is_factored from raw.invoices"
    assert desk.query(sql) == [(document_type, is_factored)]
    said = [message for message in result.messages if "corrected invoice" in message]
    assert bool(said) == ((code, sign) == ("384", ""))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("381</cbc:CreditNoteTypeCode>", "381</cbc:CreditNoteTypeCode>"), None),
        (('EUR">120.00', 'EUR">-120.00'), "'negative_credit_note' is not one of"),
        (('EUR">120.00', 'USD">120.00'), "'120.00 USD' is not a number"),
        (("2026-01-20Z", "20 janvier"), "'20 janvier' is not a date"),
        (("<cbc:ID>C100", "<cbc:ID>"), "is empty, and every row needs it"),
    ],
)
def test_what_a_document_must_say(desk: Desk, change: tuple[str, str], reason: str | None) -> None:
    assert change[0] in CREDIT_NOTE
    desk.put("1.xml", CREDIT_NOTE.replace(*change))
    report = check_source(source(desk, "ubl", "1.xml"), desk.inbox)
    assert bool(report.problems) == (reason is not None)
    assert reason is None or reason in report.problems[0]


@pytest.mark.parametrize(
    ("code", "reason"),
    [("325", "'proforma' is not one of"), ("999", "'999' is not one of"), ("", "is not one of")],
)
def test_what_is_no_claim_is_refused_or_left_out(desk: Desk, code: str, reason: str) -> None:
    desk.put("1.xml", CII.replace("<ram:TypeCode>380", f"<ram:TypeCode>{code}"))
    if code:
        with pytest.raises(DataError, match=reason):
            desk.ingest(source(desk, "cii", "1.xml"))
    feeds = "feeds: {invoices: {where: \"document_type = 'invoice'\"}}"
    desk.ingest(source(desk, "cii", "1.xml", feeds))
    assert desk.numbers() == []


def test_instalments_are_aged_by_the_last_and_said(desk: Desk) -> None:
    due = re.search(r"<ram:DueDateDateTime>.*?</ram:DueDateDateTime>", CII, re.DOTALL)
    assert due is not None
    desk.put("1.xml", CII.replace(due[0], due[0] + due[0].replace("20260331", "20260430")))
    result = desk.ingest(source(desk, "cii", "1.xml"))
    assert desk.query("select due_date from raw.invoices") == [(date(2026, 4, 30),)]
    [said] = result.messages
    assert "1.xml: F-2026-002 is due on 2026-03-31, 2026-04-30" in said


def test_a_credit_note_for_several_invoices_applies_to_none(desk: Desk) -> None:
    reference = re.search(
        r"<cac:BillingReference>.*?</cac:BillingReference>", CREDIT_NOTE, re.DOTALL
    )
    assert reference is not None
    more = reference[0].replace("F-2026-001", "F-2026-009")
    desk.put("1.xml", CREDIT_NOTE.replace(reference[0], reference[0] + more))
    desk.ingest(source(desk, "ubl", "1.xml"))
    assert desk.query("select applies_to_invoice_number from raw.invoices") == [(None,)]


def test_a_statement_gives_booked_receipts_and_their_reversals(desk: Desk) -> None:
    desk.put("bank.xml", STATEMENT)
    result = desk.ingest(
        camt(desk, "customer_of: {fr14 20041010050500013M02606: C200, café de la gare: C200}")
    )
    assert result.files[0].rows_read == 7
    own = "FR7630001007941234567890185/2026-02/2"
    assert desk.query(
        "select receipt_id, customer_code, receipt_date, amount, currency_code, method, reference, "
        "invoice_number, _source_row from raw.receipts order by _source_row"
    ) == [
        (
            "BANK0001",
            None,
            date(2026, 2, 12),
            Decimal(1080),
            "EUR",
            "transfer",
            "F-2026-001",
            "F-2026-001",
            1,
        ),
        (
            f"{own}/1",
            "C200",
            date(2026, 2, 20),
            Decimal(200),
            "EUR",
            "direct debit",
            "F-2026-002 acompte",
            None,
            2,
        ),
        (f"{own}/2", "C200", date(2026, 2, 20), Decimal(50), "EUR", "direct debit", None, None, 3),
        (
            "BANK0003/R",
            "C200",
            date(2026, 2, 25),
            Decimal(-50),
            "EUR",
            None,
            "Rejet provision insuffisante",
            None,
            4,
        ),
    ]


def test_a_receipt_of_nobody_is_refused_unless_the_source_names_one(desk: Desk) -> None:
    desk.put("bank.xml", NOTIFICATION)
    with pytest.raises(DataError, match="2 rows are refused"):
        desk.ingest(camt(desk))
    assert desk.refused() == [
        (1, None, "neither customer_code nor invoice_number is given"),
        (2, None, "neither customer_code nor invoice_number is given"),
    ]
    desk.ingest(camt(desk, "customer_of: {'*': (unknown), Muster AG: M1}"))
    sql = (
        "select receipt_id, customer_code, receipt_date, amount, currency_code, reference, "
        "invoice_number from raw.receipts order by _source_row"
    )
    assert desk.query(sql) == [
        (
            "001234567/N-17/1/1",
            "M1",
            date(2026, 3, 4),
            Decimal("40.10"),
            "CHF",
            "RF18539007547034",
            None,
        ),
        ("001234567/N-17/1/2", "(unknown)", date(2026, 3, 4), Decimal(50), "CHF", "A9 F8 F9", None),
    ]


def test_a_sum_that_its_transactions_do_not_give_is_refused(desk: Desk) -> None:
    desk.put("bank.xml", STATEMENT.replace('"EUR">200.00', '"EUR">201.00'))
    report = check_source(camt(desk, "customer_of: {'*': X}"), desk.inbox)
    [problem] = report.problems
    assert problem == (
        "bank.xml:2: is a sum of 2 transactions that do not add up to it in EUR: "
        "they give 251.00, the entry has 250.00"
    )


def test_where_narrows_what_counts_as_a_receipt(desk: Desk) -> None:
    desk.put("bank.xml", STATEMENT)
    feeds = "feeds: {receipts: {where: \"amount <> '200.00' or true\"}}"
    desk.ingest(camt(desk, "customer_of: {'*': X}", feeds))
    assert desk.query("select count(*) from raw.receipts") == [(4,)]


def test_camt_052_repeats_the_statement(desk: Desk) -> None:
    desk.put("bank.xml", STATEMENT.replace("camt.053.001", "camt.052.001"))
    with pytest.raises(DataError, match=r"bank.xml: .* is no camt.053 or camt.054"):
        desk.ingest(camt(desk))


def doctype(text: str, declaration: str) -> str:
    return text.replace("?>", f"?>\n{declaration}", 1).replace("EUR<", "EUR&l9;<", 1)


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        ("ubl", doctype(INVOICE, BILLION_LAUGHS), "has a DTD"),
        ("ubl", doctype(INVOICE, OUTSIDE), "has a DTD"),
        ("cii", doctype(CII, OUTSIDE), "has a DTD"),
        ("camt", doctype(STATEMENT, BILLION_LAUGHS), "has a DTD"),
        ("facturx", pdf(content=doctype(CII, BILLION_LAUGHS)), "factur-x.xml: has a DTD"),
        ("ubl", INVOICE[:1500], r"line 30, column \d+: not well-formed XML"),
        ("ubl", "", "not well-formed XML"),
        ("ubl", pdf(), "not well-formed XML"),
        ("ubl", INVOICE.replace('"UTF-8"', '"KLINGON"'), "XML"),
        ("ubl", CII, "root <CrossIndustryInvoice> is not a UBL invoice .* set format: cii"),
        ("cii", INVOICE, "is not a Cross Industry Invoice; set format: ubl"),
        ("facturx", pdf()[:-200], "the PDF is cut off"),
        ("facturx", pdf()[:400] + b"\n%%EOF", "cannot be read as PDF|no invoice is embedded"),
        ("facturx", b"%PDF-1.7\n%%EOF", "cannot be read as PDF"),
        ("facturx", CII, "is no PDF document. For a bare XML, set format: cii"),
        ("facturx", pdf("photo.jpg"), "no invoice is embedded .* embedded is photo.jpg"),
        ("facturx", pdf(password="secret"), "the PDF is encrypted"),  # noqa: S106
    ],
)
def test_hostile_and_broken_files_are_refused(
    desk: Desk, kind: str, content: str | bytes, message: str
) -> None:
    desk.put("bad.doc", content)
    head = "defaults: {entity_code: FR1}\n"
    with pytest.raises(DataError, match=f"bad.doc: .*(?:{message})"):
        desk.ingest(source(desk, kind, "bad.doc", head=head))
    assert not list(desk.home.loads.glob("*.json"))


@pytest.mark.parametrize("kind", ["ubl", "facturx"])
def test_a_file_beyond_the_size_allowed_is_not_read(desk: Desk, kind: str) -> None:
    padding = "<!--" + "x" * 1_100_000 + "-->"
    grown = padding + INVOICE.partition("?>")[2] if kind == "ubl" else pdf(content=CII + padding)
    assert kind == "ubl" or len(grown) < 100_000
    desk.put("big.doc", grown)
    with pytest.raises(DataError, match=r"big.doc: .*is larger than 1 MB.*max_megabytes"):
        desk.ingest(source(desk, kind, "big.doc", "max_megabytes: 1"))
    desk.ingest(source(desk, kind, "big.doc", "max_megabytes: 2"))
    assert len(desk.numbers()) == 1


@pytest.mark.parametrize(
    ("kind", "option", "message"),
    [
        ("ubl", "date_format: '%d/%m/%Y'", "date_format has no meaning for format ubl"),
        ("ubl", "customer_of: {a: b}", "customer_of has no meaning for format ubl"),
        ("camt", "max_megabytes: 2001", "less than or equal to 2000"),
        ("cii", "max_megabytes: 0", "greater than or equal to 1"),
        ("camt", "delimiter: ';'", "delimiter has no meaning for format camt"),
        ("ubl", "feeds: {invoices: {amount: x}}", "has no such column"),
        ("ubl", "feeds: []", "must be a mapping"),
    ],
)
def test_options_of_the_other_formats(desk: Desk, kind: str, option: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        source(desk, kind, "1.xml", option, head="defaults: {entity_code: FR1}\n")


def test_a_statement_does_not_say_whose_it_is(desk: Desk) -> None:
    with pytest.raises(UsageError, match="nothing is mapped to entity_code"):
        source(desk, "camt", "bank.xml")


def test_the_example_of_the_rates_reads_a_wide_file(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.put(
        "eurofxref-hist.csv",
        "Date,USD,JPY,GBP,CHF,\n2026-01-02,1.1,160.25,N/A,0.94,\n2025-12-31,1.2,,0.85,0.95,\n",
    )
    desk.ingest(load_source(EXAMPLES / "ecb_rates.yml"))
    assert desk.query(
        "select rate_date, currency_code, units_per_base, base_currency_code from raw.fx_rates "
        "where currency_code in ('GBP', 'JPY')"
    ) == [
        (date(2025, 12, 31), "GBP", Decimal("0.85"), "EUR"),
        (date(2026, 1, 2), "JPY", Decimal("160.25"), "EUR"),
    ]
    assert desk.query("select count(*) from raw.fx_rates") == [(6,)]


def numbered(number: str, text: str = INVOICE) -> str:
    return text.replace("<cbc:ID>F-2026-001</cbc:ID>", f"<cbc:ID>{number}</cbc:ID>", 1)


def test_files_read_together_and_one_by_one_give_the_same(tmp_path: Path) -> None:
    """Rows, counts by file and refusals with their lines, of good and bad files side by side."""
    wrong = numbered("F3").replace(">2026-01-10<", ">10 January<", 1)
    files = {
        "1.xml": numbered("F1"),
        "2.xml": numbered("F2"),
        "3.xml": wrong,
        "4.xml": CREDIT_NOTE,
        "5.xml": numbered("F1").replace(">2026-02-09<", ">2026-02-19<", 1),
    }
    found = []
    for name, deliveries in {
        "together": [list(files)],
        "single": [[each] for each in files],
    }.items():
        desk = Desk(tmp_path / name / "inbox", Home(tmp_path / name / "home"))
        for delivery in deliveries:
            for file in delivery:
                desk.put(file, files[file])
            desk.ingest(source(desk, "ubl", "*.xml", head="max_rejected_rows: 9\n"))
        latest = (
            "select * exclude (_load_id, _loaded_at) from raw.{} order by _source_file, _source_row"
        )
        counts = (
            "select source_file, sha256, bytes, rows_read, rows_accepted, rows_refused, "
            "rows_merged, feeds from raw.source_files order by source_file"
        )
        refused = (
            "select source_file, source_row, feed, column_name, row_text, reason "
            "from raw.rejected_rows order by all"
        )
        queries = (latest.format("invoices"), latest.format("customers"), counts, refused)
        found.append([desk.query(query) for query in queries])
    assert found[0] == found[1]
    invoices, _, counted, refusals = found[0]
    assert len(invoices) == 4
    assert [row[:1] + row[3:7] for row in counted] == [
        ("1.xml", 1, 1, 0, 0),
        ("2.xml", 1, 1, 0, 0),
        ("3.xml", 1, 0, 1, 0),
        ("4.xml", 1, 1, 0, 0),
        ("5.xml", 1, 1, 0, 0),
    ]
    assert [(row[0], row[1], row[2]) for row in refusals] == [("3.xml", 1, "invoices")]
    assert "10 January" in refusals[0][5]


def test_a_failing_expression_names_the_file_it_fails_on(desk: Desk) -> None:
    for place in range(1, 4):
        desk.put(f"{place}.xml", numbered(f"F{place}" if place != 2 else "X"))
    where = 'feeds: {invoices: {invoice_number: {sql: "cast(document_number[2:] as integer)"}}}'
    with pytest.raises(DataError, match=r"^2.xml: the SQL of"):
        desk.ingest(source(desk, "ubl", "*.xml", where))
