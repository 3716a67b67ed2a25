"""UN/CEFACT Cross Industry Invoice (D16B, as Factur-X, ZUGFeRD and XRechnung write it) to the terms of EN 16931."""

from collections.abc import Sequence
from typing import Any

from crm.engine.en16931.model import (
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

RSM = "{urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100}"
RAM = "{urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100}"
UDT = "{urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100}"
QDT = "{urn:un:unece:uncefact:data:standard:QualifiedDataType:100}"
ROOT = f"{RSM}CrossIndustryInvoice"


def _path(*names: str) -> str:
    return "/".join(RAM + name for name in names)


_LINE = _path("IncludedSupplyChainTradeLineItem")
_ADJUSTMENT = _path("SpecifiedTradeAllowanceCharge")
_DAY = f"{UDT}DateTimeString"


def read_cii(root: Any) -> Document:
    """The document below a ``CrossIndustryInvoice``. Raises UnreadableInvoice."""
    context, head = child(root, f"{RSM}ExchangedDocumentContext"), child(root, f"{RSM}ExchangedDocument")
    trade = child(root, f"{RSM}SupplyChainTradeTransaction")
    agreement = child(trade, _path("ApplicableHeaderTradeAgreement"))
    delivery = child(trade, _path("ApplicableHeaderTradeDelivery"))
    settlement = child(trade, _path("ApplicableHeaderTradeSettlement"))
    return Document(
        syntax="cii",
        specification=text(context, _path("GuidelineSpecifiedDocumentContextParameter", "ID")),
        process=text(context, _path("BusinessProcessSpecifiedDocumentContextParameter", "ID")),
        number=text(head, _path("ID")),
        issued_on=_day(head, "IssueDateTime"),
        type_code=text(head, _path("TypeCode")),
        notes=tuple((note.text or "").strip() for note in _all(head, _path("IncludedNote", "Content"))),
        buyer_reference=text(agreement, _path("BuyerReference")),
        order_reference=text(agreement, _path("BuyerOrderReferencedDocument", "IssuerAssignedID")),
        contract_reference=text(agreement, _path("ContractReferencedDocument", "IssuerAssignedID")),
        attachments=_references(agreement, "AdditionalReferencedDocument"),
        seller=_party(child(agreement, _path("SellerTradeParty"))),
        buyer=_party(child(agreement, _path("BuyerTradeParty"))),
        representative=_party(child(agreement, _path("SellerTaxRepresentativeTradeParty"))),
        delivery=_delivery(delivery),
        lines=tuple(_line(node) for node in _all(trade, _LINE)),
        **_settled(settlement),
    )


def _settled(node: Any) -> dict[str, Any]:
    """What stands in the settlement: currencies, dates, money."""
    terms, sums = (
        _path("SpecifiedTradePaymentTerms"),
        child(node, _path("SpecifiedTradeSettlementHeaderMonetarySummation")),
    )
    groups = tuple(_group(one) for one in _all(node, _path("ApplicableTradeTax")))
    return {
        "currency": text(node, _path("InvoiceCurrencyCode")),
        "tax_currency": text(node, _path("TaxCurrencyCode")),
        "tax_point_on": day(
            child(node, f"{_path('ApplicableTradeTax', 'TaxPointDate')}/{UDT}DateString"), compact=True
        ),
        "tax_point_code": text(node, _path("ApplicableTradeTax", "DueDateTypeCode")),
        "due_on": _day(node, "SpecifiedTradePaymentTerms", "DueDateDateTime"),
        "terms": text(node, f"{terms}/{RAM}Description"),
        "corrects": _references(node, "InvoiceReferencedDocument"),
        "payee": _party(child(node, _path("PayeeTradeParty"))),
        "period": _period(child(node, _path("BillingSpecifiedPeriod"))),
        "payments": tuple(_payment(one, node) for one in _all(node, _path("SpecifiedTradeSettlementPaymentMeans"))),
        "adjustments": tuple(_adjustment(one) for one in _all(node, _ADJUSTMENT)),
        "groups": groups,
        "amount_currencies": frozenset(
            one.get("currencyID") for one in _all(sums, _path("TaxTotalAmount")) if one.get("currencyID") is not None
        ),
        "tax_totals": tuple(
            TaxTotal(amount=number_of(one), currency=one.get("currencyID"))
            for one in _all(sums, _path("TaxTotalAmount"))
        ),
        "sums": None if sums is None else _sums(sums),
    }


def _all(node: Any, path: str) -> Sequence[Any]:
    return () if node is None else node.findall(path)


def _day(node: Any, *names: str) -> Any:
    return day(child(node, f"{_path(*names)}/{_DAY}"), compact=True)


def _references(node: Any, name: str) -> tuple[Reference, ...]:
    return tuple(
        Reference(
            text(one, _path("IssuerAssignedID")),
            day(child(one, f"{_path('FormattedIssueDateTime')}/{QDT}DateTimeString"), compact=True),
        )
        for one in _all(node, _path(name))
    )


def _id(found: Any) -> Identifier:
    return Identifier((found.text or "").strip(), found.get("schemeID"))


def _party(node: Any) -> Party | None:
    if node is None:
        return None
    legal = child(node, _path("SpecifiedLegalOrganization", "ID"))
    electronic = child(node, _path("URIUniversalCommunication"))
    endpoint = child(electronic, _path("URIID"))
    return Party(
        name=text(node, _path("Name")),
        trade_name=text(node, _path("SpecifiedLegalOrganization", "TradingBusinessName")),
        ids=tuple(_id(one) for name in ("ID", "GlobalID") for one in _all(node, _path(name))),
        legal_id=None if legal is None else _id(legal),
        legal_note=text(node, _path("Description")),
        tax_ids=tuple(_id(one) for one in _all(node, _path("SpecifiedTaxRegistration", "ID"))),
        endpoint=_id(endpoint) if endpoint is not None else None if electronic is None else Identifier(""),
        contact=_contact(child(node, _path("DefinedTradeContact"))),
        address=_address(child(node, _path("PostalTradeAddress"))),
    )


def _contact(node: Any) -> Contact | None:
    if node is None:
        return None
    name = text(node, _path("PersonName"))
    return Contact(
        name=text(node, _path("DepartmentName")) if name is None else name,
        phone=text(node, _path("TelephoneUniversalCommunication", "CompleteNumber")),
        email=text(node, _path("EmailURIUniversalCommunication", "URIID")),
    )


def _address(node: Any) -> Address | None:
    if node is None:
        return None
    lines = (text(node, _path(name)) for name in ("LineOne", "LineTwo", "LineThree"))
    return Address(
        lines=tuple(line for line in lines if line),
        city=text(node, _path("CityName")),
        postal_code=text(node, _path("PostcodeCode")),
        region=text(node, _path("CountrySubDivisionName")),
        country=text(node, _path("CountryID")),
    )


def _delivery(node: Any) -> Delivery | None:
    if node is None:
        return None
    place = child(node, _path("ShipToTradeParty"))
    return Delivery(
        name=text(place, _path("Name")),
        on=_day(node, "ActualDeliverySupplyChainEvent", "OccurrenceDateTime"),
        names_on=child(node, f"{_path('ActualDeliverySupplyChainEvent', 'OccurrenceDateTime')}/{_DAY}") is not None,
        address=_address(child(place, _path("PostalTradeAddress"))),
    )


def _period(node: Any) -> Period | None:
    if node is None:
        return None
    return Period(
        start=_day(node, "StartDateTime"),
        end=_day(node, "EndDateTime"),
        names_start=child(node, _path("StartDateTime")) is not None,
        names_end=child(node, _path("EndDateTime")) is not None,
    )


def _payment(node: Any, settlement: Any) -> Payment:
    account = child(node, _path("PayeePartyCreditorFinancialAccount"))
    iban = text(account, _path("IBANID"))
    own = text(account, _path("ProprietaryID"))
    return Payment(
        code=text(node, _path("TypeCode")),
        reference=text(settlement, _path("PaymentReference")),
        account=own if iban is None else iban,
        has_account=account is not None,
        account_is_iban=iban is not None,
        account_name=text(account, _path("AccountName")),
        bic=text(node, _path("PayeeSpecifiedCreditorFinancialInstitution", "BICID")),
        card=text(node, _path("ApplicableTradeSettlementFinancialCard", "ID")),
        debited_account=text(node, _path("PayerPartyDebtorFinancialAccount", "IBANID")),
        mandate=text(settlement, _path("SpecifiedTradePaymentTerms", "DirectDebitMandateID")),
        creditor=text(settlement, _path("CreditorReferenceID")),
    )


def _tax(node: Any) -> Tax:
    return Tax(
        category=text(node, _path("CategoryCode")),
        rate=number(node, _path("RateApplicablePercent")),
        scheme=text(node, _path("TypeCode")),
    )


def _adjustment(node: Any) -> AllowanceCharge:
    tax = child(node, _path("CategoryTradeTax"))
    return AllowanceCharge(
        charge=flag(child(node, f"{_path('ChargeIndicator')}/{UDT}Indicator")),
        amount=number(node, _path("ActualAmount")),
        base=number(node, _path("BasisAmount")),
        percent=number(node, _path("CalculationPercent")),
        reason=text(node, _path("Reason")),
        reason_code=text(node, _path("ReasonCode")),
        tax=None if tax is None else _tax(tax),
    )


def _group(node: Any) -> TaxGroup:
    return TaxGroup(
        basis=number(node, _path("BasisAmount")),
        amount=number(node, _path("CalculatedAmount")),
        tax=_tax(node),
        reason=text(node, _path("ExemptionReason")),
        reason_code=text(node, _path("ExemptionReasonCode")),
    )


def _sums(node: Any) -> Sums:
    return Sums(
        lines=number(node, _path("LineTotalAmount")),
        allowances=number(node, _path("AllowanceTotalAmount")),
        charges=number(node, _path("ChargeTotalAmount")),
        net=number(node, _path("TaxBasisTotalAmount")),
        gross=number(node, _path("GrandTotalAmount")),
        prepaid=number(node, _path("TotalPrepaidAmount")),
        rounding=number(node, _path("RoundingAmount")),
        due=number(node, _path("DuePayableAmount")),
    )


def _line(node: Any) -> Line:
    product = child(node, _path("SpecifiedTradeProduct"))
    agreement = child(node, _path("SpecifiedLineTradeAgreement"))
    settlement = child(node, _path("SpecifiedLineTradeSettlement"))
    quantity = child(node, _path("SpecifiedLineTradeDelivery", "BilledQuantity"))
    standard = child(product, _path("GlobalID"))
    tax = child(settlement, _path("ApplicableTradeTax"))
    return Line(
        id=text(node, _path("AssociatedDocumentLineDocument", "LineID")),
        note=text(node, _path("AssociatedDocumentLineDocument", "IncludedNote", "Content")),
        name=text(product, _path("Name")),
        description=text(product, _path("Description")),
        standard_id=None if standard is None else _id(standard),
        seller_item=text(product, _path("SellerAssignedID")),
        classes=_classes(product),
        properties=tuple(
            (text(one, _path("Description")), text(one, _path("Value")))
            for one in _all(product, _path("ApplicableProductCharacteristic"))
        ),
        quantity=None if quantity is None else number_of(quantity),
        unit=None if quantity is None else quantity.get("unitCode"),
        other_units=tuple(
            one.get("unitCode")
            for name in ("NetPriceProductTradePrice", "GrossPriceProductTradePrice")
            for one in _all(agreement, _path(name, "BasisQuantity"))
            if one.get("unitCode") is not None
        ),
        price=number(agreement, _path("NetPriceProductTradePrice", "ChargeAmount")),
        price_quantity=number(agreement, _path("NetPriceProductTradePrice", "BasisQuantity")),
        gross_price=number(agreement, _path("GrossPriceProductTradePrice", "ChargeAmount")),
        net=number(settlement, _path("SpecifiedTradeSettlementLineMonetarySummation", "LineTotalAmount")),
        tax=None if tax is None else _tax(tax),
        period=_period(child(settlement, _path("BillingSpecifiedPeriod"))),
        adjustments=tuple(_adjustment(one) for one in _all(settlement, _ADJUSTMENT)),
        references=_references(settlement, "AdditionalReferencedDocument"),
    )


def _classes(product: Any) -> tuple[Identifier, ...]:
    """BT-158 with the list it is taken from."""
    return tuple(
        Identifier((one.text or "").strip(), one.get("listID"))
        for one in _all(product, _path("DesignatedProductClassification", "ClassCode"))
    )
