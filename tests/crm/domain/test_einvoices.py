"""The e-invoice of a document: written with the issue or not issued at all; in the PDF, beside it, in the e-mail."""

import hashlib
from decimal import Decimal
from io import BytesIO
from typing import Any

import pikepdf
import pytest
from django.core import mail
from django.core.exceptions import ValidationError

from accounts.models import User
from crm.checks import check_einvoice_rules
from crm.documents.build import document_data
from crm.documents.render import render_pdf
from crm.domain import deliveries, einvoices, invoicing, issuing
from crm.engine.en16931_reader import load, recount, stated
from crm.models import Customer, Invoice, InvoiceDocument, InvoiceLine, LegalEntity, NumberSeries, TaxCode, TaxRate
from crm.work import render_invoice_pdf, stored_files
from hashinsight.events.models import OutboxEvent
from hashinsight.jobs import tasks
from hashinsight.jobs.models import DueWork
from tests import factories
from tests.factories import NOW, TODAY
from tests.support.official_rules import failed_rules, needs_official_rules
from tests.support.standing import standing

pytestmark = [
    pytest.mark.django_db,
    # WeasyPrint 70 leaves the colour profile it reads to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning"),
]
GERMAN = {
    "invoice_format": "xrechnung",
    "leitweg_id": "04011000-1234512345-06",
    "city": "Berlin",
    "postal_code": "10115",
    "country": "DE",
    "buyer_reference": "PO-7",
}


def code_of(category: str, **fields: Any) -> TaxCode:
    """A tax code with a reason and, where it bears one, a rate."""
    code = TaxCode.objects.create(
        code=f"{category}-code", name=category, category=category, exemption_reason="because", **fields
    )
    if category == "S":
        TaxRate.objects.create(tax_code=code, rate=Decimal(19), valid_from=TODAY.replace(year=2020))
    return code


@pytest.fixture
@standing
def seller(legal_entity: LegalEntity) -> LegalEntity:
    LegalEntity.objects.filter(pk=legal_entity.pk).update(
        registration_number="HRB 21045", phone="+49 431 5550", contact_name="Accounts"
    )
    return legal_entity.reload()


def draft_of(customer: Customer, root: User, *lines: InvoiceLine, **fields: Any) -> Invoice:
    draft = factories.draft_invoice(by=root, customer=customer)
    Invoice.objects.filter(pk=draft.pk).update(**fields)
    if lines:
        invoicing.set_lines(draft, lines=list(lines), on=TODAY)
    return draft.reload()


def xml_of(invoice: Invoice) -> bytes:
    return bytes(invoice.documents.get(format="xml").content)


@pytest.mark.parametrize("category", ["S", "Z", "E", "AE", "K", "G", "O"])
@pytest.mark.parametrize("form", ["facturx", "xrechnung"])
@needs_official_rules
def test_each_category_is_issued_and_credited_without_a_broken_rule(
    category: str, form: str, root: User, customer_a: Customer, seller: LegalEntity
) -> None:
    Customer.objects.filter(pk=customer_a.pk).update(**{**GERMAN, "invoice_format": form, "vat_id": "FR 12345678901"})
    code = None if category == "O" else code_of(category)
    lines = [
        InvoiceLine(description="Power", quantity=Decimal("1234.567"), unit_code="KWH", unit_price=Decimal("0.06125"),
                    tax_code=code, service_from=TODAY, service_to=TODAY),
        InvoiceLine(description="Taken back", quantity=-1, unit_price=Decimal("10"), tax_code=code),
        InvoiceLine(description="Bonus", quantity=1, unit_price=Decimal("-3.50"), tax_code=code),
        InvoiceLine(description="For nothing", quantity=1, unit_price=0, tax_code=code),
    ]  # fmt: skip
    issued = issuing.issue_invoice(draft_of(customer_a.reload(), root, *lines), by=root, on=TODAY, at=NOW)
    note = issuing.credit_invoice(issued, by=root, on=TODAY, at=NOW, reason="wrong meter")
    for document in (issued, note):
        content = xml_of(document)
        assert failed_rules(content) == []
        read = load(content)
        assert recount(read) == stated(read)
        assert (read.sums.gross, read.number, read.currency) == (document.gross_total, document.number, "USD")
    assert [one.number for one in read.corrects] == [issued.number]
    assert (read.type_code, load(xml_of(issued)).type_code) == ("381", "380")


def test_the_pdf_holds_the_stored_xml_as_its_alternative(root: User, customer_a: Customer) -> None:
    issued = factories.issued_invoice(by=root, customer=customer_a)
    render_invoice_pdf({"invoice_id": issued.pk}, lambda: True)
    content = bytes(issued.documents.get(format="pdf").content)
    with pikepdf.open(BytesIO(content)) as pdf:
        (file,) = pdf.Root.AF
        assert (file.AFRelationship, str(file.UF), str(file.F)) == ("/Alternative", "factur-x.xml", "factur-x.xml")
        assert file.EF.F.read_bytes() == xml_of(issued)
        assert file.EF.F.Subtype in ("/text/xml", "/application/xml")
        assert str(file.EF.F.Params.ModDate).startswith("D:20261120000000")
        names = pdf.Root.Names.EmbeddedFiles.Names
        assert (str(names[0]), names[1].objgen) == ("factur-x.xml", file.objgen)
        raw = pdf.Root.Metadata.read_bytes()
        assert raw.count(b"<rdf:RDF") == raw.count(b"</rdf:RDF>") == 1
        with pdf.open_metadata() as xmp:
            assert xmp.pdfa_status == "3B"
            space = "{urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#}"
            values = {
                name: xmp[space + name] for name in ("ConformanceLevel", "DocumentFileName", "DocumentType", "Version")
            }
        assert values == {
            "ConformanceLevel": "EN 16931", "DocumentFileName": "factur-x.xml", "DocumentType": "INVOICE",
            "Version": "1.0",
        }  # fmt: skip
        for described in (b"pdfaExtension:schemas", b"pdfaSchema:namespaceURI", b"pdfaProperty:valueType"):
            assert described in raw
    again = render_pdf(document_data(issued.reload(), on=TODAY))
    assert again == content


def test_the_factur_x_package_finds_its_level_and_file(root: User, customer_a: Customer) -> None:
    from facturx import get_xml_from_pdf

    issued = factories.issued_invoice(by=root, customer=customer_a)
    name, content = get_xml_from_pdf(render_pdf(document_data(issued, on=TODAY)), check_schematron=False)
    assert (name, content) == ("factur-x.xml", xml_of(issued))


def test_an_xrechnung_is_a_file_of_its_own_and_goes_out_beside_the_pdf(
    root: User, customer_a: Customer, seller: LegalEntity
) -> None:
    Customer.objects.filter(pk=customer_a.pk).update(**GERMAN)
    draft = draft_of(customer_a.reload(), root, buyer_reference="PO-7")
    issued = issuing.issue_invoice(draft, by=root, on=TODAY, at=NOW)
    read = load(xml_of(issued))
    assert read.specification == "urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"
    assert (read.buyer_reference, read.order_reference) == ("04011000-1234512345-06", "PO-7")
    assert (read.buyer.endpoint.value, read.buyer.endpoint.scheme) == ("04011000-1234512345-06", "0204")
    assert (read.seller.contact.name, read.seller.contact.phone) == ("Accounts", "+49 431 5550")
    for work in DueWork.objects.order_by("id"):
        assert tasks.perform(work.pk) == "done"
    for work in DueWork.objects.filter(kind=deliveries.EMAIL_WORK):
        tasks.perform(work.pk)
    (message,) = mail.outbox
    assert [(name, kind) for name, _, kind in message.attachments] == [
        (f"{issued.number}.pdf", "application/pdf"),
        (f"{issued.number}.xml", "application/xml"),
    ]
    assert files_in(bytes(issued.documents.get(format="pdf").content)) == []
    assert [name for name, _, _ in stored_files(issued)] == [f"{issued.number}.pdf", f"{issued.number}.xml"]


def test_who_wants_paper_only_gets_paper_only(root: User, customer_a: Customer) -> None:
    Customer.objects.filter(pk=customer_a.pk).update(invoice_format="pdf", country="")
    issued = factories.issued_invoice(by=root, customer=customer_a.reload())
    assert issued.documents.count() == 0
    assert files_in(render_pdf(document_data(issued, on=TODAY))) == []


def files_in(content: bytes) -> list[str]:
    """Names of the files inside a PDF."""
    with pikepdf.open(BytesIO(content)) as pdf:
        return list(pdf.attachments)


def test_who_asked_for_nothing_gets_an_einvoice_as_soon_as_it_can_be_one(root: User, customer_a: Customer) -> None:
    Customer.objects.filter(pk=customer_a.pk).update(country="")
    early = factories.issued_invoice(by=root, customer=customer_a.reload())
    assert (early.documents.count(), early.buyer["invoice_format"]) == (0, "pdf")
    assert files_in(render_pdf(document_data(early, on=TODAY))) == []
    Customer.objects.filter(pk=customer_a.pk).update(country="NO")
    late = factories.issued_invoice(by=root, customer=customer_a.reload())
    assert (late.documents.count(), late.buyer["invoice_format"]) == (1, "facturx")
    assert files_in(render_pdf(document_data(late, on=TODAY))) == ["factur-x.xml"]


def test_bitcoin_is_no_currency_of_the_standard(root: User, customer_a: Customer) -> None:
    issued = factories.issued_invoice(by=root, customer=customer_a, currency="BTC", value=Decimal("0.12345678"))
    assert (issued.currency, issued.documents.count()) == ("BTC", 0)
    Customer.objects.filter(pk=customer_a.pk).update(invoice_format="xrechnung")
    with pytest.raises(einvoices.EInvoiceRefused, match="e-invoices know no BTC"):
        factories.issued_invoice(by=root, customer=customer_a.reload(), currency="BTC", value=Decimal("0.1"))


@pytest.mark.parametrize(
    ("customer", "entity", "words"),
    [
        ({"country": ""}, {}, "country of the customer (Customers)"),
        ({"country": "XX"}, {}, "country of the customer (Customers)"),
        ({}, {"tax_id": ""}, "registration number of our legal entity (Legal entities › Tax and bank)"),
        (GERMAN | {"city": ""}, {}, "city of the customer (Customers)"),
        (GERMAN | {"postal_code": ""}, {}, "postal code of the customer (Customers)"),
        (GERMAN, {"phone": ""}, "phone of our legal entity (Legal entities)"),
        (GERMAN, {"phone": "call us", "email": ""}, "e-mail address of our legal entity (Legal entities)"),
        (GERMAN, {"phone": "+49 431 5", "iban": "12345"}, "IBAN of our legal entity (Legal entities › Tax and bank)"),
        (GERMAN | {"leitweg_id": ""}, {"phone": "+49 431 5"}, "buyer reference (on the draft), or Leitweg-ID"),
        (GERMAN | {"leitweg_id": "", "email": None}, {"phone": "+49 431 5"}, "electronic address or e-mail address"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named_and_nothing_is_issued(
    customer: dict[str, Any],
    entity: dict[str, Any],
    words: str,
    root: User,
    customer_a: Customer,
    legal_entity: LegalEntity,
) -> None:
    draft = factories.draft_invoice(by=root, customer=customer_a)
    LegalEntity.objects.filter(pk=legal_entity.pk).update(**entity)
    Customer.objects.filter(pk=customer_a.pk).update(**{"invoice_format": "facturx", **customer})
    events, series = OutboxEvent.objects.count(), list(NumberSeries.objects.values())
    with pytest.raises(einvoices.EInvoiceRefused) as refusal:
        issuing.issue_invoice(draft.reload(), by=root, on=TODAY, at=NOW)
    assert words in str(refusal.value)
    left = draft.reload()
    assert (left.status, left.number, left.buyer, left.issued_on) == ("draft", None, {}, None)
    assert (OutboxEvent.objects.count(), DueWork.objects.count(), InvoiceDocument.objects.count()) == (events, 0, 0)
    assert list(NumberSeries.objects.values()) == series


@pytest.mark.parametrize(
    ("category", "customer", "entity", "words"),
    [
        ("S", {}, {"tax_id": "", "vat_id": ""}, "tax number or VAT id of our legal entity"),
        ("G", {}, {"vat_id": ""}, "VAT id of our legal entity"),
        ("K", {"vat_id": ""}, {}, "VAT id of the customer"),
        ("K", {"vat_id": "FR12345678901"}, {}, "the service period (on the draft)"),
        ("S", {"vat_id": "123"}, {}, "VAT id, beginning with the code of its country of the customer"),
    ],
)
def test_each_category_names_the_ids_it_misses(
    category: str, customer: dict[str, Any], entity: dict[str, Any], words: str, root: User, customer_a: Customer,
    legal_entity: LegalEntity,
) -> None:  # fmt: skip
    line = InvoiceLine(description="x", quantity=1, unit_price=5, tax_code=code_of(category))
    draft = draft_of(customer_a, root, line)
    LegalEntity.objects.filter(pk=legal_entity.pk).update(**entity)
    Customer.objects.filter(pk=customer_a.pk).update(**{"invoice_format": "facturx", **customer})
    with pytest.raises(einvoices.EInvoiceRefused) as refusal:
        issuing.issue_invoice(draft.reload(), by=root, on=TODAY, at=NOW)
    assert words in str(refusal.value)


def test_untaxed_and_taxed_lines_do_not_go_together(root: User, customer_a: Customer) -> None:
    lines = [
        InvoiceLine(description="taxed", quantity=1, unit_price=5, tax_code=code_of("S")),
        InvoiceLine(description="forgotten", quantity=1, unit_price=5),
    ]
    Customer.objects.filter(pk=customer_a.pk).update(invoice_format="facturx")
    with pytest.raises(einvoices.EInvoiceRefused, match="a tax code for line 2"):
        issuing.issue_invoice(draft_of(customer_a, root, *lines), by=root, on=TODAY, at=NOW)


def test_a_rule_that_breaks_is_named_and_nothing_is_issued(
    root: User, customer_a: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However complete the data: what was written is read back and judged."""
    real = einvoices.write_cii
    draft = factories.draft_invoice(by=root, customer=customer_a)
    for wrong, words in (
        (b"<ram:DuePayableAmount>1.23", "BR-CO-16: The amount due is the total less what was paid"),
        (b"<ram:DuePayableAmount>1.234", "BR-DEC-18: No more than two digits after the point"),
        (b"<ram:Nothing/><ram:DuePayableAmount>1000.00", "XML schema, line"),
    ):
        monkeypatch.setattr(
            einvoices, "write_cii",
            lambda terms, wrong=wrong: real(terms).replace(b"<ram:DuePayableAmount>1000.00", wrong),
        )  # fmt: skip
        with pytest.raises(einvoices.EInvoiceRefused) as refusal:
            issuing.issue_invoice(draft, by=root, on=TODAY, at=NOW)
        assert words in str(refusal.value)
        assert (draft.reload().status, InvoiceDocument.objects.count(), NumberSeries.objects.count()) == ("draft", 0, 0)


def test_the_official_rules_are_asked_where_they_are_installed(
    root: User, customer_a: Customer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.E_INVOICE_RULES = "auto"
    assert factories.issued_invoice(by=root, customer=customer_a).documents.count() == 1
    monkeypatch.setattr(einvoices, "broken_rules", lambda document: [])  # our own say nothing
    real = einvoices.write_cii
    monkeypatch.setattr(
        einvoices, "write_cii",
        lambda terms: real(terms).replace(b"<ram:DuePayableAmount>1000.00", b"<ram:DuePayableAmount>1.23"),
    )  # fmt: skip
    with pytest.raises(einvoices.EInvoiceRefused, match="BR-CO-16: "):
        factories.issued_invoice(by=root, customer=customer_a)


@needs_official_rules
def test_a_folder_of_rules_can_be_named(root: User, customer_a: Customer, settings: Any, tmp_path: Any) -> None:
    from tests.support.official_rules import FOLDER

    settings.E_INVOICE_RULES = str(FOLDER / "validator")
    assert einvoices.stylesheet() == FOLDER / "validator" / "EN16931-CII-validation.xslt"
    assert check_einvoice_rules() == []
    assert factories.issued_invoice(by=root, customer=customer_a).documents.count() == 1
    settings.E_INVOICE_RULES = str(tmp_path)
    assert [one.id for one in check_einvoice_rules()] == ["crm.E001"]


def test_the_same_issue_gives_the_same_bytes(root: User, customer_a: Customer) -> None:
    issued = factories.issued_invoice(by=root, customer=customer_a)
    stored = issued.documents.get(format="xml")
    again = einvoices.made_for(issued.reload(), list(issued.lines.all()), at=NOW)
    assert again is not None
    assert (again.content, again.sha256) == (bytes(stored.content), stored.sha256)
    assert stored.sha256 == hashlib.sha256(bytes(stored.content)).hexdigest()


def test_a_leitweg_id_and_a_vatex_code_are_checked_when_typed(customer_a: Customer) -> None:
    customer_a.leitweg_id = "04011000-1234512345-07"
    with pytest.raises(ValidationError, match="is no Leitweg-ID"):
        customer_a.full_clean()
    code = code_of("E", exemption_code="VATEX-EU-132")
    code.full_clean()
    code.exemption_code = "VATEX-EU-999"
    with pytest.raises(ValidationError, match="is no code of the VATEX list"):
        code.full_clean()


def test_the_code_of_an_exemption_is_frozen_with_the_line(root: User, customer_a: Customer) -> None:
    code = code_of("E", exemption_code="VATEX-EU-132")
    line = InvoiceLine(description="x", quantity=1, unit_price=5, tax_code=code)
    issued = issuing.issue_invoice(draft_of(customer_a, root, line), by=root, on=TODAY, at=NOW)
    TaxCode.objects.update(exemption_code="")
    (group,) = load(xml_of(issued)).groups
    assert (group.reason, group.reason_code, issued.lines.get().exemption_code) == (
        "because", "VATEX-EU-132", "VATEX-EU-132",
    )  # fmt: skip


def test_a_number_is_not_spent_on_a_refused_document(root: User, customer_a: Customer) -> None:
    refused = factories.draft_invoice(by=root, customer=customer_a)
    Customer.objects.filter(pk=customer_a.pk).update(country="", invoice_format="facturx")
    with pytest.raises(einvoices.EInvoiceRefused):
        issuing.issue_invoice(refused, by=root, on=TODAY, at=NOW)
    Customer.objects.filter(pk=customer_a.pk).update(country="US")
    issued = issuing.issue_invoice(refused.reload(), by=root, on=TODAY, at=NOW)
    assert issued.number is not None
    assert issued.number.endswith("-0001")
