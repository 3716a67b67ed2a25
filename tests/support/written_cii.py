"""A written document as UN/CEFACT Cross Industry Invoice."""

from decimal import Decimal

from tests.support.written_invoices import EXEMPT, UNIT, Extra, Paper, Row, cents, in_currency, tag, untaxed, when


def cii(paper: Paper) -> bytes:
    """As Cross Industry Invoice."""
    lines = "".join(_cii_line(place, row) for place, row in enumerate(paper.rows, 1))
    body = f"""<rsm:CrossIndustryInvoice xmlns:qdt="urn:un:unece:uncefact:data:standard:QualifiedDataType:100"
 xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100"
 xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
 xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100">
<rsm:ExchangedDocumentContext><ram:GuidelineSpecifiedDocumentContextParameter><ram:ID>urn:cen.eu:en16931:2017</ram:ID>
</ram:GuidelineSpecifiedDocumentContextParameter></rsm:ExchangedDocumentContext>
<rsm:ExchangedDocument><ram:ID>A-1</ram:ID>{tag("ram:TypeCode", "381" if paper.credit else "380")}
<ram:IssueDateTime><udt:DateTimeString format="102">20260215</udt:DateTimeString></ram:IssueDateTime>
</rsm:ExchangedDocument><rsm:SupplyChainTradeTransaction>{lines}
<ram:ApplicableHeaderTradeAgreement>{_cii_party("Seller", "Kiel", "DE", "DE123456789", paper)}
{_cii_party("Buyer", "Lyon", "FR", "FR12345678901", paper)}</ram:ApplicableHeaderTradeAgreement>
<ram:ApplicableHeaderTradeDelivery>{_cii_delivery(paper)}</ram:ApplicableHeaderTradeDelivery>
<ram:ApplicableHeaderTradeSettlement>{_cii_settlement(paper)}</ram:ApplicableHeaderTradeSettlement>
</rsm:SupplyChainTradeTransaction></rsm:CrossIndustryInvoice>"""
    return body.encode()


def _cii_party(role: str, city: str, country: str, vat_id: str, paper: Paper) -> str:
    vat = "" if untaxed(paper) else tag("ram:ID", vat_id, ' schemeID="VA"')
    registration = vat and f"<ram:SpecifiedTaxRegistration>{vat}</ram:SpecifiedTaxRegistration>"
    return (
        f"<ram:{role}TradeParty><ram:Name>{role} &amp; Co</ram:Name><ram:SpecifiedLegalOrganization><ram:ID>HRB 1"
        f"</ram:ID></ram:SpecifiedLegalOrganization><ram:PostalTradeAddress>{tag('ram:CityName', city)}"
        f"{tag('ram:CountryID', country)}</ram:PostalTradeAddress>{registration}</ram:{role}TradeParty>"
    )


def _cii_delivery(paper: Paper) -> str:
    if not any(row.category == "K" for row in paper.rows):
        return ""
    return (
        "<ram:ShipToTradeParty><ram:PostalTradeAddress><ram:CountryID>FR</ram:CountryID></ram:PostalTradeAddress>"
        "</ram:ShipToTradeParty><ram:ActualDeliverySupplyChainEvent><ram:OccurrenceDateTime><udt:DateTimeString "
        'format="102">20260214</udt:DateTimeString></ram:OccurrenceDateTime></ram:ActualDeliverySupplyChainEvent>'
    )


def _cii_tax(name: str, category: str, rate: Decimal, before: str = "", reason: str = "", basis: str = "") -> str:
    percent = "" if category == "O" else tag("ram:RateApplicablePercent", rate)
    return (
        f"<ram:{name}>{before}<ram:TypeCode>VAT</ram:TypeCode>{reason}{basis}{tag('ram:CategoryCode', category)}"
        f"{'' if not reason else tag('ram:ExemptionReasonCode', EXEMPT[category])}{percent}</ram:{name}>"
    )


def _cii_extra(one: Extra) -> str:
    tax = _cii_tax("CategoryTradeTax", one.category, one.rate) if one.category else ""
    return (
        f"<ram:SpecifiedTradeAllowanceCharge><ram:ChargeIndicator><udt:Indicator>{str(one.charge).lower()}"
        f"</udt:Indicator></ram:ChargeIndicator>{when(one.percent, tag('ram:CalculationPercent', one.percent))}"
        f"{when(one.base, tag('ram:BasisAmount', one.base))}{tag('ram:ActualAmount', one.amount)}"
        f"{when(one.code, tag('ram:ReasonCode', one.code))}{tag('ram:Reason', one.reason)}{tax}"
        "</ram:SpecifiedTradeAllowanceCharge>"
    )


def _cii_line(place: int, row: Row) -> str:
    per = "" if row.per is None else tag("ram:BasisQuantity", row.per, UNIT)
    return (
        f"<ram:IncludedSupplyChainTradeLineItem><ram:AssociatedDocumentLineDocument>{tag('ram:LineID', place)}"
        "</ram:AssociatedDocumentLineDocument><ram:SpecifiedTradeProduct><ram:Name>Energy</ram:Name>"
        "</ram:SpecifiedTradeProduct><ram:SpecifiedLineTradeAgreement><ram:NetPriceProductTradePrice>"
        f"{tag('ram:ChargeAmount', row.price)}{per}</ram:NetPriceProductTradePrice></ram:SpecifiedLineTradeAgreement>"
        f"<ram:SpecifiedLineTradeDelivery>{tag('ram:BilledQuantity', row.quantity, UNIT)}"
        "</ram:SpecifiedLineTradeDelivery><ram:SpecifiedLineTradeSettlement>"
        f"{_cii_tax('ApplicableTradeTax', row.category, row.rate)}{''.join(map(_cii_extra, row.extras))}"
        f"<ram:SpecifiedTradeSettlementLineMonetarySummation>{tag('ram:LineTotalAmount', row.net)}"
        "</ram:SpecifiedTradeSettlementLineMonetarySummation></ram:SpecifiedLineTradeSettlement>"
        "</ram:IncludedSupplyChainTradeLineItem>"
    )


def _cii_settlement(paper: Paper) -> str:
    totals, two = paper.totals, paper.tax_currency
    groups = "".join(
        _cii_tax(
            "ApplicableTradeTax", category, rate, before=tag("ram:CalculatedAmount", cents(basis * rate / 100)),
            reason="<ram:ExemptionReason>as agreed</ram:ExemptionReason>" if category in EXEMPT else "",
            basis=tag("ram:BasisAmount", basis),
        )
        for (category, rate), basis in sorted(paper.groups.items())
    )  # fmt: skip
    taxes = tag("ram:TaxTotalAmount", totals["tax"], in_currency(paper.currency))
    if two:
        taxes += tag("ram:TaxTotalAmount", cents(totals["tax"] * paper.tax_factor), in_currency(two))
    references = "".join(
        f"<ram:InvoiceReferencedDocument>{tag('ram:IssuerAssignedID', number)}"
        + when(day, '<ram:FormattedIssueDateTime><qdt:DateTimeString format="102">'
              f"{day.replace('-', '')}</qdt:DateTimeString></ram:FormattedIssueDateTime>")
        + "</ram:InvoiceReferencedDocument>"
        for number, day in paper.references
    )  # fmt: skip
    due = '<ram:DueDateDateTime><udt:DateTimeString format="102">20260301</udt:DateTimeString></ram:DueDateDateTime>'
    return (
        when(two, tag("ram:TaxCurrencyCode", two)) + tag("ram:InvoiceCurrencyCode", paper.currency) + groups
        + "".join(map(_cii_extra, paper.extras))
        + f"<ram:SpecifiedTradePaymentTerms>{due}</ram:SpecifiedTradePaymentTerms>"
        + "<ram:SpecifiedTradeSettlementHeaderMonetarySummation>" + tag("ram:LineTotalAmount", totals["lines"])
        + (tag("ram:ChargeTotalAmount", totals["charges"]) if paper.has(charge=True) else "")
        + (tag("ram:AllowanceTotalAmount", totals["allowances"]) if paper.has(charge=False) else "")
        + tag("ram:TaxBasisTotalAmount", totals["net"]) + taxes
        + when(paper.rounding, tag("ram:RoundingAmount", paper.rounding))
        + tag("ram:GrandTotalAmount", totals["gross"])
        + when(paper.prepaid, tag("ram:TotalPrepaidAmount", paper.prepaid))
        + tag("ram:DuePayableAmount", totals["due"])
        + "</ram:SpecifiedTradeSettlementHeaderMonetarySummation>" + references
    )  # fmt: skip
