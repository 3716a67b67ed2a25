"""UBL 2.1 Invoice or CreditNote to the terms of EN 16931."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from crm.engine.en16931.model import (
    LOCAL_TAX_SCHEME,
    VAT_SCHEME,
    Address,
    AllowanceCharge,
    Contact,
    Delivery,
    Document,
    Identifier,
    Line,
    Party,
    Payment,
    Period,
    Reference,
    Sums,
    Tax,
    TaxGroup,
    TaxTotal,
)
from crm.engine.en16931.xml import child, day, flag, number, number_of, text

CBC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}"
CAC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2}"
INVOICE = "{urn:oasis:names:specification:ubl:schema:xsd:Invoice-2}Invoice"
CREDIT_NOTE = "{urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2}CreditNote"


_AMOUNTS = tuple(
    f"{CBC}{name}"
    for name in (
        "Amount", "BaseAmount", "PriceAmount", "TaxAmount", "TaxableAmount", "LineExtensionAmount",
        "TaxExclusiveAmount", "TaxInclusiveAmount", "AllowanceTotalAmount", "ChargeTotalAmount", "PrepaidAmount",
        "PayableRoundingAmount", "PayableAmount",
    )
)  # fmt: skip


def _path(*names: str) -> str:
    """``cac`` for all but the last name, which is ``cbc``."""
    return "/".join([*(CAC + name for name in names[:-1]), CBC + names[-1]])


def _groups(*names: str) -> str:
    return "/".join(CAC + name for name in names)


def read_ubl(root: Any) -> Document:
    """The document below an ``Invoice`` or a ``CreditNote``. Raises UnreadableInvoice."""
    credit = root.tag == CREDIT_NOTE
    sums = child(root, _groups("LegalMonetaryTotal"))
    totals = tuple(_tax_total(node) for node in _all(root, _groups("TaxTotal")))
    period = child(root, _groups("InvoicePeriod"))
    return Document(
        syntax="ubl",
        is_credit_note_root=credit,
        amount_currencies=frozenset(one.get("currencyID", "") for one in root.iter(*_AMOUNTS)),
        specification=text(root, _path("CustomizationID")),
        process=text(root, _path("ProfileID")),
        number=text(root, _path("ID")),
        issued_on=_day(root, "IssueDate"),
        type_code=text(root, _path("CreditNoteTypeCode" if credit else "InvoiceTypeCode")),
        currency=text(root, _path("DocumentCurrencyCode")),
        tax_currency=text(root, _path("TaxCurrencyCode")),
        tax_point_on=_day(root, "TaxPointDate"),
        tax_point_code=text(period, _path("DescriptionCode")),
        due_on=_due_on(root),
        terms=text(root, _path("PaymentTerms", "Note")),
        buyer_reference=text(root, _path("BuyerReference")),
        order_reference=text(root, _path("OrderReference", "ID")),
        contract_reference=text(root, _path("ContractDocumentReference", "ID")),
        notes=tuple((note.text or "").strip() for note in _all(root, _path("Note"))),
        corrects=_corrected(root),
        attachments=_attachments(root),
        seller=_side(root, "AccountingSupplierParty"),
        buyer=_side(root, "AccountingCustomerParty"),
        payee=_party(child(root, _groups("PayeeParty"))),
        representative=_party(child(root, _groups("TaxRepresentativeParty"))),
        delivery=_delivery(child(root, _groups("Delivery"))),
        period=_period(period),
        payments=tuple(_payment(one) for one in _all(root, _groups("PaymentMeans"))),
        adjustments=tuple(_adjustment(one) for one in _all(root, _groups("AllowanceCharge"))),
        groups=tuple(group for total in totals for group in total.groups),
        tax_totals=totals,
        sums=None if sums is None else _sums(sums),
        lines=tuple(_line(node) for node in _all(root, _groups("CreditNoteLine" if credit else "InvoiceLine"))),
    )


def _due_on(root: Any) -> date | None:
    """Of an invoice its own, of a credit note that of its payment."""
    due = child(root, _path("DueDate"))
    return day(child(root, _path("PaymentMeans", "PaymentDueDate")) if due is None else due, compact=False)


def _attachments(root: Any) -> tuple[Reference, ...]:
    return tuple(Reference(text(one, _path("ID"))) for one in _all(root, _groups("AdditionalDocumentReference")))


def _corrected(root: Any) -> tuple[Reference, ...]:
    number, issued = _path("InvoiceDocumentReference", "ID"), ("InvoiceDocumentReference", "IssueDate")
    return tuple(Reference(text(one, number), _day(one, *issued)) for one in _all(root, _groups("BillingReference")))


def _all(node: Any, path: str) -> Sequence[Any]:
    return () if node is None else node.findall(path)


def _day(node: Any, *names: str) -> Any:
    return day(child(node, _path(*names)), compact=False)


def _id(found: Any, attribute: str = "schemeID") -> Identifier:
    return Identifier((found.text or "").strip(), found.get(attribute))


def _side(root: Any, name: str) -> Party | None:
    """Seller or buyer; one that is there without a party is nobody, but not absent."""
    side = child(root, _groups(name))
    return None if side is None else _party(child(side, _groups("Party"))) or Party()


def _party(node: Any) -> Party | None:
    if node is None:
        return None
    legal, endpoint = child(node, _path("PartyLegalEntity", "CompanyID")), child(node, _path("EndpointID"))
    trade_name = text(node, _path("PartyName", "Name"))
    name = text(node, _path("PartyLegalEntity", "RegistrationName"))
    return Party(
        name=name,
        trade_name=trade_name,
        ids=tuple(_id(one) for one in _all(node, _path("PartyIdentification", "ID"))),
        legal_id=None if legal is None else _id(legal),
        legal_note=text(node, _path("PartyLegalEntity", "CompanyLegalForm")),
        tax_ids=_tax_ids(node),
        endpoint=None if endpoint is None else _id(endpoint),
        contact=_contact(child(node, _groups("Contact"))),
        address=_address(child(node, _groups("PostalAddress"))),
    )


def _tax_ids(node: Any) -> tuple[Identifier, ...]:
    """VAT ids by their scheme; whatever stands under another scheme is a local tax number."""
    found = []
    for one in _all(node, _groups("PartyTaxScheme")):
        value = text(one, _path("CompanyID"))
        if value is not None:
            vat = (text(one, _path("TaxScheme", "ID")) or "").upper() == "VAT"
            found.append(Identifier(value, VAT_SCHEME if vat else LOCAL_TAX_SCHEME))
    return tuple(found)


def _contact(node: Any) -> Contact | None:
    if node is None:
        return None
    return Contact(
        name=text(node, _path("Name")),
        phone=text(node, _path("Telephone")),
        email=text(node, _path("ElectronicMail")),
    )


def _address(node: Any) -> Address | None:
    if node is None:
        return None
    lines = (
        text(node, _path("StreetName")),
        text(node, _path("AdditionalStreetName")),
        text(node, _path("AddressLine", "Line")),
    )
    return Address(
        lines=tuple(line for line in lines if line),
        city=text(node, _path("CityName")),
        postal_code=text(node, _path("PostalZone")),
        region=text(node, _path("CountrySubentity")),
        country=text(node, _path("Country", "IdentificationCode")),
    )


def _delivery(node: Any) -> Delivery | None:
    if node is None:
        return None
    return Delivery(
        name=text(node, _path("DeliveryParty", "PartyName", "Name")),
        on=_day(node, "ActualDeliveryDate"),
        names_on=child(node, _path("ActualDeliveryDate")) is not None,
        address=_address(child(node, _groups("DeliveryLocation", "Address"))),
    )


def _period(node: Any) -> Period | None:
    if node is None:
        return None
    return Period(
        start=_day(node, "StartDate"),
        end=_day(node, "EndDate"),
        names_start=child(node, _path("StartDate")) is not None,
        names_end=child(node, _path("EndDate")) is not None,
        code=text(node, _path("DescriptionCode")),
    )


def _payment(node: Any) -> Payment:
    account = child(node, _groups("PayeeFinancialAccount"))
    return Payment(
        code=text(node, _path("PaymentMeansCode")),
        reference=text(node, _path("PaymentID")),
        account=text(account, _path("ID")),
        has_account=account is not None,
        account_name=text(account, _path("Name")),
        bic=text(account, _path("FinancialInstitutionBranch", "ID")),
        card=text(node, _path("CardAccount", "PrimaryAccountNumberID")),
        debited_account=text(node, _path("PaymentMandate", "PayerFinancialAccount", "ID")),
        mandate=text(node, _path("PaymentMandate", "ID")),
    )


def _tax(node: Any) -> Tax:
    return Tax(
        category=text(node, _path("ID")),
        rate=number(node, _path("Percent")),
        scheme=text(node, _path("TaxScheme", "ID")),
    )


def _adjustment(node: Any) -> AllowanceCharge:
    tax = child(node, _groups("TaxCategory"))
    return AllowanceCharge(
        charge=flag(child(node, _path("ChargeIndicator"))),
        amount=number(node, _path("Amount")),
        base=number(node, _path("BaseAmount")),
        percent=number(node, _path("MultiplierFactorNumeric")),
        reason=text(node, _path("AllowanceChargeReason")),
        reason_code=text(node, _path("AllowanceChargeReasonCode")),
        tax=None if tax is None else _tax(tax),
    )


def _tax_total(node: Any) -> TaxTotal:
    stated = child(node, _path("TaxAmount"))
    amount: Decimal | None = None if stated is None else number_of(stated)
    return TaxTotal(
        amount=amount,
        currency=None if stated is None else stated.get("currencyID"),
        groups=tuple(_group(one) for one in _all(node, _groups("TaxSubtotal"))),
    )


def _group(node: Any) -> TaxGroup:
    category = child(node, _groups("TaxCategory"))
    return TaxGroup(
        basis=number(node, _path("TaxableAmount")),
        amount=number(node, _path("TaxAmount")),
        tax=Tax(scheme=None) if category is None else _tax(category),
        reason=text(category, _path("TaxExemptionReason")),
        reason_code=text(category, _path("TaxExemptionReasonCode")),
    )


def _sums(node: Any) -> Sums:
    return Sums(
        lines=number(node, _path("LineExtensionAmount")),
        allowances=number(node, _path("AllowanceTotalAmount")),
        charges=number(node, _path("ChargeTotalAmount")),
        net=number(node, _path("TaxExclusiveAmount")),
        gross=number(node, _path("TaxInclusiveAmount")),
        prepaid=number(node, _path("PrepaidAmount")),
        rounding=number(node, _path("PayableRoundingAmount")),
        due=number(node, _path("PayableAmount")),
    )


def _line(node: Any) -> Line:
    quantity = child(node, _path("InvoicedQuantity"))
    if quantity is None:
        quantity = child(node, _path("CreditedQuantity"))
    item, price = child(node, _groups("Item")), child(node, _groups("Price"))
    standard = child(item, _path("StandardItemIdentification", "ID"))
    tax = child(item, _groups("ClassifiedTaxCategory"))
    return Line(
        id=text(node, _path("ID")),
        note=text(node, _path("Note")),
        name=text(item, _path("Name")),
        description=text(item, _path("Description")),
        standard_id=None if standard is None else _id(standard),
        seller_item=text(item, _path("SellersItemIdentification", "ID")),
        classes=tuple(
            _id(one, "listID") for one in _all(item, _path("CommodityClassification", "ItemClassificationCode"))
        ),
        properties=tuple(
            (text(one, _path("Name")), text(one, _path("Value")))
            for one in _all(item, _groups("AdditionalItemProperty"))
        ),
        quantity=None if quantity is None else number_of(quantity),
        unit=None if quantity is None else quantity.get("unitCode"),
        other_units=tuple(
            one.get("unitCode") for one in _all(price, _path("BaseQuantity")) if one.get("unitCode") is not None
        ),
        price=number(price, _path("PriceAmount")),
        price_quantity=number(price, _path("BaseQuantity")),
        gross_price=number(price, _path("AllowanceCharge", "BaseAmount")),
        net=number(node, _path("LineExtensionAmount")),
        tax=None if tax is None else _tax(tax),
        period=_period(child(node, _groups("InvoicePeriod"))),
        adjustments=tuple(_adjustment(one) for one in _all(node, _groups("AllowanceCharge"))),
    )
