"""The terms of EN 16931 as a UN/CEFACT Cross Industry Invoice: the same document gives the same bytes.

The order of the elements is the one of the schema (Factur-X 1.0 EN 16931, a subset of D16B and of D22B).
"""

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from xml.sax.saxutils import escape, quoteattr

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
    Sums,
    Tax,
    TaxGroup,
)

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"'
    ' xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"'
    ' xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100"'
    ' xmlns:qdt="urn:un:unece:uncefact:data:standard:QualifiedDataType:100">\n'
)
_FOOT = "</rsm:CrossIndustryInvoice>\n"


def write_cii(doc: Document) -> bytes:
    """The document as UTF-8 XML."""
    parts = [_HEAD, _context(doc), _exchanged(doc), "<rsm:SupplyChainTradeTransaction>\n"]
    parts.extend(_line(line) for line in doc.lines)
    parts += [_agreement(doc), _delivery(doc.delivery), _settlement(doc)]
    parts += ["</rsm:SupplyChainTradeTransaction>\n", _FOOT]
    return "".join(parts).encode()


def plain(value: Decimal) -> str:
    """A number without exponent and without needless zeros; amounts of money keep theirs (:func:`money`)."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def money(value: Decimal) -> str:
    """An amount with the digits it has."""
    return format(value, "f")


# What XML 1.0 cannot hold, not even escaped.
_UNHOLDABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _text(name: str, value: str | None, attributes: str = "") -> str:
    if not value:
        return ""
    return f"<ram:{name}{attributes}>{escape(_UNHOLDABLE.sub('', value))}</ram:{name}>"


def _amount(name: str, value: Decimal | None, attributes: str = "") -> str:
    return "" if value is None else f"<ram:{name}{attributes}>{money(value)}</ram:{name}>"


def _number(name: str, value: Decimal | None, attributes: str = "") -> str:
    return "" if value is None else f"<ram:{name}{attributes}>{plain(value)}</ram:{name}>"


def _group(name: str, *parts: str) -> str:
    """The element around its parts; nothing when all of them are empty."""
    inside = "".join(parts)
    return f"<ram:{name}>{inside}</ram:{name}>" if inside else ""


def _day(name: str, value: date | None, space: str = "udt") -> str:
    if value is None:
        return ""
    return _group(name, f'<{space}:DateTimeString format="102">{value:%Y%m%d}</{space}:DateTimeString>')


def _id(name: str, one: Identifier | None) -> str:
    if one is None:
        return ""
    return _text(name, one.value, f" schemeID={quoteattr(one.scheme)}" if one.scheme else "")


def _context(doc: Document) -> str:
    return (
        "<rsm:ExchangedDocumentContext>"
        + _group("BusinessProcessSpecifiedDocumentContextParameter", _text("ID", doc.process))
        + _group("GuidelineSpecifiedDocumentContextParameter", _text("ID", doc.specification))
        + "</rsm:ExchangedDocumentContext>\n"
    )


def _exchanged(doc: Document) -> str:
    notes = "".join(_group("IncludedNote", _text("Content", note)) for note in doc.notes)
    return (
        "<rsm:ExchangedDocument>"
        + _text("ID", doc.number)
        + _text("TypeCode", doc.type_code)
        + _day("IssueDateTime", doc.issued_on)
        + notes
        + "</rsm:ExchangedDocument>\n"
    )


def _line(line: Line) -> str:
    quantity = f" unitCode={quoteattr(line.unit)}" if line.unit else ""
    gross = _group("GrossPriceProductTradePrice", _number("ChargeAmount", line.gross_price))
    return (
        "<ram:IncludedSupplyChainTradeLineItem>"
        + _group(
            "AssociatedDocumentLineDocument",
            _text("LineID", line.id),
            _group("IncludedNote", _text("Content", line.note)),
        )
        + _group(
            "SpecifiedTradeProduct",
            _text("SellerAssignedID", line.seller_item),
            _text("Name", line.name),
            _text("Description", line.description),
        )
        + _group(
            "SpecifiedLineTradeAgreement",
            gross,
            _group(
                "NetPriceProductTradePrice",
                _number("ChargeAmount", line.price),
                _number("BasisQuantity", line.price_quantity, quantity),
            ),
        )
        + _group("SpecifiedLineTradeDelivery", _number("BilledQuantity", line.quantity, quantity))
        + _group(
            "SpecifiedLineTradeSettlement",
            "" if line.tax is None else _group("ApplicableTradeTax", _tax(line.tax)),
            _period(line.period),
            _adjustments(line.adjustments),
            _group("SpecifiedTradeSettlementLineMonetarySummation", _amount("LineTotalAmount", line.net)),
        )
        + "</ram:IncludedSupplyChainTradeLineItem>\n"
    )


def _tax(tax: Tax) -> str:
    return (
        _text("TypeCode", tax.scheme) + _text("CategoryCode", tax.category) + _number("RateApplicablePercent", tax.rate)
    )


def _period(period: Period | None) -> str:
    if period is None:
        return ""
    return _group("BillingSpecifiedPeriod", _day("StartDateTime", period.start), _day("EndDateTime", period.end))


def _adjustments(adjustments: Iterable[AllowanceCharge]) -> str:
    return "".join(
        _group(
            "SpecifiedTradeAllowanceCharge",
            _group("ChargeIndicator", f"<udt:Indicator>{'true' if one.charge else 'false'}</udt:Indicator>"),
            _number("CalculationPercent", one.percent),
            _amount("BasisAmount", one.base),
            _amount("ActualAmount", one.amount),
            _text("ReasonCode", one.reason_code),
            _text("Reason", one.reason),
            "" if one.tax is None else _group("CategoryTradeTax", _tax(one.tax)),
        )
        for one in adjustments
    )


def _agreement(doc: Document) -> str:
    return (
        "<ram:ApplicableHeaderTradeAgreement>"
        + _text("BuyerReference", doc.buyer_reference)
        + _party("SellerTradeParty", doc.seller)
        + _party("BuyerTradeParty", doc.buyer)
        + _party("SellerTaxRepresentativeTradeParty", doc.representative)
        + _group("BuyerOrderReferencedDocument", _text("IssuerAssignedID", doc.order_reference))
        + _group("ContractReferencedDocument", _text("IssuerAssignedID", doc.contract_reference))
        + "</ram:ApplicableHeaderTradeAgreement>\n"
    )


def _party(name: str, party: Party | None) -> str:
    if party is None:
        return ""
    return _group(
        name,
        "".join(_id("ID", one) for one in party.ids if not one.scheme),
        "".join(_id("GlobalID", one) for one in party.ids if one.scheme),
        _text("Name", party.name),
        _text("Description", party.legal_note),
        _group("SpecifiedLegalOrganization", _id("ID", party.legal_id), _text("TradingBusinessName", party.trade_name)),
        _contact(party.contact),
        _address(party.address),
        _group("URIUniversalCommunication", _id("URIID", party.endpoint)),
        "".join(_group("SpecifiedTaxRegistration", _id("ID", one)) for one in party.tax_ids),
    )


def _contact(contact: Contact | None) -> str:
    if contact is None:
        return ""
    return _group(
        "DefinedTradeContact",
        _text("PersonName", contact.name),
        _group("TelephoneUniversalCommunication", _text("CompleteNumber", contact.phone)),
        _group("EmailURIUniversalCommunication", _text("URIID", contact.email)),
    )


def _address(address: Address | None) -> str:
    if address is None:
        return ""
    names = ("LineOne", "LineTwo", "LineThree")
    return _group(
        "PostalTradeAddress",
        _text("PostcodeCode", address.postal_code),
        "".join(_text(name, line) for name, line in zip(names, address.lines, strict=False)),
        _text("CityName", address.city),
        _text("CountryID", address.country),
        _text("CountrySubDivisionName", address.region),
    )


def _delivery(delivery: Delivery | None) -> str:
    if delivery is None:
        return "<ram:ApplicableHeaderTradeDelivery/>\n"
    inside = _group("ShipToTradeParty", _text("Name", delivery.name), _address(delivery.address))
    inside += _group("ActualDeliverySupplyChainEvent", _day("OccurrenceDateTime", delivery.on))
    return (_group("ApplicableHeaderTradeDelivery", inside) or "<ram:ApplicableHeaderTradeDelivery/>") + "\n"


def _settlement(doc: Document) -> str:
    reference = next((one.reference for one in doc.payments if one.reference), None)
    mandate = next((one.mandate for one in doc.payments if one.mandate), None)
    creditor = next((one.creditor for one in doc.payments if one.creditor), None)
    return (
        "<ram:ApplicableHeaderTradeSettlement>"
        + _text("CreditorReferenceID", creditor)
        + _text("PaymentReference", reference)
        + _text("TaxCurrencyCode", doc.tax_currency)
        + _text("InvoiceCurrencyCode", doc.currency)
        + _party("PayeeTradeParty", doc.payee)
        + "".join(_payment(one) for one in doc.payments)
        + "".join(_tax_group(one) for one in doc.groups)
        + _period(doc.period)
        + _adjustments(doc.adjustments)
        + _group(
            "SpecifiedTradePaymentTerms",
            _text("Description", doc.terms),
            _day("DueDateDateTime", doc.due_on),
            _text("DirectDebitMandateID", mandate),
        )
        + _sums(doc, doc.sums or Sums())
        + "".join(
            _group(
                "InvoiceReferencedDocument",
                _text("IssuerAssignedID", one.number),
                _day("FormattedIssueDateTime", one.on, "qdt"),
            )
            for one in doc.corrects
        )
        + "</ram:ApplicableHeaderTradeSettlement>\n"
    )


def _payment(one: Payment) -> str:
    account = _text("IBANID", one.account) if one.account_is_iban else ""
    own = "" if one.account_is_iban else _text("ProprietaryID", one.account)
    return _group(
        "SpecifiedTradeSettlementPaymentMeans",
        _text("TypeCode", one.code),
        _group("ApplicableTradeSettlementFinancialCard", _text("ID", one.card)),
        _group("PayerPartyDebtorFinancialAccount", _text("IBANID", one.debited_account)),
        _group("PayeePartyCreditorFinancialAccount", account, _text("AccountName", one.account_name), own),
        _group("PayeeSpecifiedCreditorFinancialInstitution", _text("BICID", one.bic)),
    )


def _tax_group(group: TaxGroup) -> str:
    return _group(
        "ApplicableTradeTax",
        _amount("CalculatedAmount", group.amount),
        _text("TypeCode", group.tax.scheme),
        _text("ExemptionReason", group.reason),
        _amount("BasisAmount", group.basis),
        _text("CategoryCode", group.tax.category),
        _text("ExemptionReasonCode", group.reason_code),
        _number("RateApplicablePercent", group.tax.rate),
    )


def _sums(doc: Document, sums: Sums) -> str:
    return _group(
        "SpecifiedTradeSettlementHeaderMonetarySummation",
        _amount("LineTotalAmount", sums.lines),
        _amount("ChargeTotalAmount", sums.charges),
        _amount("AllowanceTotalAmount", sums.allowances),
        _amount("TaxBasisTotalAmount", sums.net),
        "".join(
            _amount("TaxTotalAmount", total.amount, f" currencyID={quoteattr(total.currency or '')}")
            for total in doc.tax_totals
        ),
        _amount("RoundingAmount", sums.rounding),
        _amount("GrandTotalAmount", sums.gross),
        _amount("TotalPrepaidAmount", sums.prepaid),
        _amount("DuePayableAmount", sums.due),
    )
