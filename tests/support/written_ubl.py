"""A written document as UBL Invoice or CreditNote."""

from decimal import Decimal

from tests.support.written_invoices import EXEMPT, UNIT, Extra, Paper, Row, cents, in_currency, tag, untaxed, when


def ubl(paper: Paper) -> bytes:
    """As UBL invoice or credit note."""
    kind = "CreditNote" if paper.credit else "Invoice"
    due = "" if paper.credit else "<cbc:DueDate>2026-03-01</cbc:DueDate>"
    terms = "<cac:PaymentTerms><cbc:Note>at once</cbc:Note></cac:PaymentTerms>"
    references = "".join(
        f"<cac:BillingReference><cac:InvoiceDocumentReference>{tag('cbc:ID', number)}"
        f"{when(day, tag('cbc:IssueDate', day))}</cac:InvoiceDocumentReference></cac:BillingReference>"
        for number, day in paper.references
    )
    body = (
        f'<{kind} xmlns="urn:oasis:names:specification:ubl:schema:xsd:{kind}-2"'
        ' xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"'
        ' xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">'
        "<cbc:CustomizationID>urn:cen.eu:en16931:2017</cbc:CustomizationID><cbc:ID>A-1</cbc:ID>"
        f"<cbc:IssueDate>2026-02-15</cbc:IssueDate>{due}"
        f"{tag(f'cbc:{kind}TypeCode', '381' if paper.credit else '380')}"
        f"{tag('cbc:DocumentCurrencyCode', paper.currency)}"
        f"{when(paper.tax_currency, tag('cbc:TaxCurrencyCode', paper.tax_currency))}{references}"
        f"{_ubl_party('AccountingSupplierParty', 'Kiel', 'DE', 'DE123456789', paper)}"
        f"{_ubl_party('AccountingCustomerParty', 'Lyon', 'FR', 'FR12345678901', paper)}{_ubl_delivery(paper)}{terms}"
        f"{''.join(_ubl_extra(one, paper) for one in paper.extras)}{_ubl_taxes(paper)}{_ubl_totals(paper)}"
        f"{''.join(_ubl_line(place, row, paper) for place, row in enumerate(paper.rows, 1))}</{kind}>"
    )
    return body.encode()


def _money(name: str, amount: Decimal, paper: Paper) -> str:
    return tag(name, amount, in_currency(paper.currency))


def _ubl_party(role: str, city: str, country: str, vat_id: str, paper: Paper) -> str:
    vat = "" if untaxed(paper) else (
        f"<cac:PartyTaxScheme>{tag('cbc:CompanyID', vat_id)}<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme>"
        "</cac:PartyTaxScheme>"
    )  # fmt: skip
    return (
        f"<cac:{role}><cac:Party><cac:PostalAddress>{tag('cbc:CityName', city)}<cac:Country>"
        f"{tag('cbc:IdentificationCode', country)}</cac:Country></cac:PostalAddress>{vat}<cac:PartyLegalEntity>"
        f"{tag('cbc:RegistrationName', role)}<cbc:CompanyID>HRB 1</cbc:CompanyID></cac:PartyLegalEntity></cac:Party>"
        f"</cac:{role}>"
    )


def _ubl_delivery(paper: Paper) -> str:
    if not any(row.category == "K" for row in paper.rows):
        return ""
    return (
        "<cac:Delivery><cbc:ActualDeliveryDate>2026-02-14</cbc:ActualDeliveryDate><cac:DeliveryLocation><cac:Address>"
        "<cac:Country><cbc:IdentificationCode>FR</cbc:IdentificationCode></cac:Country></cac:Address>"
        "</cac:DeliveryLocation></cac:Delivery>"
    )


def _ubl_category(name: str, category: str, rate: Decimal, reason: str = "") -> str:
    percent = "" if category == "O" else tag("cbc:Percent", rate)
    return (
        f"<cac:{name}>{tag('cbc:ID', category)}{percent}{reason}<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme>"
        f"</cac:{name}>"
    )


def _ubl_extra(one: Extra, paper: Paper) -> str:
    return (
        f"<cac:AllowanceCharge>{tag('cbc:ChargeIndicator', str(one.charge).lower())}"
        f"{when(one.code, tag('cbc:AllowanceChargeReasonCode', one.code))}"
        f"{tag('cbc:AllowanceChargeReason', one.reason)}"
        f"{when(one.percent, tag('cbc:MultiplierFactorNumeric', one.percent))}{_money('cbc:Amount', one.amount, paper)}"
        f"{'' if one.base is None else _money('cbc:BaseAmount', one.base, paper)}"
        f"{_ubl_category('TaxCategory', one.category, one.rate) if one.category else ''}</cac:AllowanceCharge>"
    )


def _ubl_taxes(paper: Paper) -> str:
    groups = "".join(
        f"<cac:TaxSubtotal>{_money('cbc:TaxableAmount', basis, paper)}"
        f"{_money('cbc:TaxAmount', cents(basis * rate / 100), paper)}"
        + _ubl_category("TaxCategory", category, rate, "" if category not in EXEMPT else (
            f"{tag('cbc:TaxExemptionReasonCode', EXEMPT[category])}"
            "<cbc:TaxExemptionReason>as agreed</cbc:TaxExemptionReason>"
        ))
        + "</cac:TaxSubtotal>"
        for (category, rate), basis in sorted(paper.groups.items())
    )  # fmt: skip
    found = f"<cac:TaxTotal>{_money('cbc:TaxAmount', paper.totals['tax'], paper)}{groups}</cac:TaxTotal>"
    if paper.tax_currency:
        amount = cents(paper.totals["tax"] * paper.tax_factor)
        found += f"<cac:TaxTotal>{tag('cbc:TaxAmount', amount, in_currency(paper.tax_currency))}</cac:TaxTotal>"
    return found


def _ubl_totals(paper: Paper) -> str:
    totals = paper.totals
    named: list[tuple[str, Decimal | None]] = [
        ("LineExtensionAmount", totals["lines"]), ("TaxExclusiveAmount", totals["net"]),
        ("TaxInclusiveAmount", totals["gross"]),
        ("AllowanceTotalAmount", totals["allowances"] if paper.has(charge=False) else None),
        ("ChargeTotalAmount", totals["charges"] if paper.has(charge=True) else None),
        ("PrepaidAmount", paper.prepaid), ("PayableRoundingAmount", paper.rounding), ("PayableAmount", totals["due"]),
    ]  # fmt: skip
    inner = "".join(_money(f"cbc:{name}", amount, paper) for name, amount in named if amount is not None)
    return f"<cac:LegalMonetaryTotal>{inner}</cac:LegalMonetaryTotal>"


def _ubl_line(place: int, row: Row, paper: Paper) -> str:
    kind, quantity = ("CreditNoteLine", "CreditedQuantity") if paper.credit else ("InvoiceLine", "InvoicedQuantity")
    per = "" if row.per is None else tag("cbc:BaseQuantity", row.per, UNIT)
    return (
        f"<cac:{kind}>{tag('cbc:ID', place)}{tag(f'cbc:{quantity}', row.quantity, UNIT)}"
        f"{_money('cbc:LineExtensionAmount', row.net, paper)}{''.join(_ubl_extra(one, paper) for one in row.extras)}"
        f"<cac:Item><cbc:Name>Energy</cbc:Name>{_ubl_category('ClassifiedTaxCategory', row.category, row.rate)}"
        f"</cac:Item><cac:Price>{_money('cbc:PriceAmount', row.price, paper)}{per}</cac:Price></cac:{kind}>"
    )
