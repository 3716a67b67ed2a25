"""From an issued invoice's rows to the terms of EN 16931; read from the frozen copies only, as the paper is."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import override

from crm.domain.invoicing import document_totals, payment_terms_text
from crm.engine.amounts import TaxGroup as Group
from crm.engine.amounts import round_half_up
from crm.engine.en16931 import model
from crm.engine.en16931.ids import is_iban
from crm.engine.en16931.rules_de import PROCESS, XRECHNUNG
from crm.enums import AddressScheme, InvoiceFormat, TaxCategory
from crm.models import Invoice, InvoiceLine
from hashinsight.common.money import exponent

EN16931 = "urn:cen.eu:en16931:2017"
_VATEX = {
    TaxCategory.REVERSE_CHARGE: "VATEX-EU-AE",
    TaxCategory.INTRA_COMMUNITY: "VATEX-EU-IC",
    TaxCategory.EXPORT: "VATEX-EU-G",
    TaxCategory.NOT_SUBJECT: "VATEX-EU-O",
}
_WITHOUT_REASON = (TaxCategory.STANDARD, TaxCategory.ZERO)
# Ways of paying, UNTDID 4461.
_SEPA_TRANSFER, _TRANSFER, _SET_OFF = "58", "30", "97"
_MOST_ADDRESS_LINES = 3


def terms_of(invoice: Invoice, lines: Sequence[InvoiceLine]) -> model.Document:
    """The document in the terms of the standard; ``lines`` are all of its lines in their order."""
    totals = document_totals(invoice, lines)
    german = invoice.buyer["invoice_format"] == InvoiceFormat.XRECHNUNG
    untaxed = any(line.tax_category == TaxCategory.NOT_SUBJECT for line in lines)
    leitweg_id = invoice.buyer.get("leitweg_id", "")
    return model.Document(
        specification=XRECHNUNG if german else EN16931,
        process=PROCESS if german else None,
        number=invoice.number,
        issued_on=invoice.issued_on,
        type_code=model.CREDIT_NOTE_TYPE if invoice.is_credit_note else model.INVOICE_TYPE,
        currency=invoice.currency,
        due_on=None if invoice.is_credit_note else invoice.due_on,
        terms=_terms(invoice),
        buyer_reference=leitweg_id or _filled(invoice.buyer_reference),
        order_reference=_filled(invoice.buyer_reference) if leitweg_id else None,
        notes=tuple(text for text in (invoice.note.strip(), invoice.seller.get("footer", "").strip()) if text),
        corrects=_corrects(invoice),
        seller=_seller(invoice.seller, untaxed=untaxed),
        buyer=_buyer(invoice.buyer, untaxed=untaxed),
        delivery=_delivery(invoice, lines),
        period=_period(invoice.service_from, invoice.service_to),
        payments=_payments(invoice),
        groups=tuple(_group(group, lines, german=german) for group in totals.breakdown),
        tax_totals=(model.TaxTotal(amount=totals.tax, currency=invoice.currency),),
        sums=model.Sums(lines=totals.net, net=totals.net, gross=totals.gross, due=totals.due),
        lines=tuple(_line(line, invoice) for line in lines),
    )


def _filled(text: str) -> str | None:
    return text.strip() or None


def _terms(invoice: Invoice) -> str | None:
    with override(invoice.language):
        if invoice.corrects is None:
            return payment_terms_text(invoice)
        return _("Set off against invoice %(number)s, or paid back.") % {"number": invoice.corrects.number}


def _corrects(invoice: Invoice) -> tuple[model.Reference, ...]:
    corrected = invoice.corrects
    return () if corrected is None else (model.Reference(corrected.number, corrected.issued_on),)


def compact(text: str) -> str:
    """An id without the blanks people put into it."""
    return "".join(text.split())


def _tax_ids(snapshot: Mapping[str, Any], *, untaxed: bool, local: bool) -> tuple[model.Identifier, ...]:
    """Whoever is not subject to VAT names no VAT id (BR-O-02), a tax number he may."""
    found = []
    if snapshot["vat_id"].strip() and not untaxed:
        found.append(model.Identifier(compact(snapshot["vat_id"]).upper(), model.VAT_SCHEME))
    if local and snapshot["tax_id"].strip():
        found.append(model.Identifier(snapshot["tax_id"].strip(), model.LOCAL_TAX_SCHEME))
    return tuple(found)


def _seller(snapshot: Mapping[str, Any], *, untaxed: bool) -> model.Party:
    registration, tax_id = snapshot["registration_number"].strip(), snapshot["tax_id"].strip()
    otherwise_named = registration or (snapshot["vat_id"].strip() and not untaxed)  # BR-CO-26 wants one id of ours
    return model.Party(
        name=snapshot["name"].strip(),
        ids=(model.Identifier(tax_id),) if tax_id and not otherwise_named else (),
        legal_id=model.Identifier(registration) if registration else None,
        tax_ids=_tax_ids(snapshot, untaxed=untaxed, local=True),
        endpoint=endpoint_of(snapshot),
        contact=model.Contact(
            name=_filled(snapshot.get("contact_name", "")) or snapshot["name"].strip(),
            phone=_filled(snapshot["phone"]),
            email=_filled(snapshot["email"]),
        ),
        address=_address(snapshot),
    )


def _buyer(snapshot: Mapping[str, Any], *, untaxed: bool) -> model.Party:
    contact = model.Contact(name=_filled(snapshot.get("contact_name", "")))
    return model.Party(
        name=snapshot["name"].strip(),
        ids=(model.Identifier(snapshot["customer_number"]),) if snapshot.get("customer_number") else (),
        tax_ids=_tax_ids(snapshot, untaxed=untaxed, local=False),
        endpoint=endpoint_of(snapshot),
        contact=contact if contact.name else None,
        address=_address(snapshot),
    )


def endpoint_of(snapshot: Mapping[str, Any]) -> model.Identifier | None:
    """Where the e-invoice goes: the electronic address, else the Leitweg-ID, else the e-mail address."""
    own = snapshot.get("electronic_address", "").strip()
    if own:
        return model.Identifier(own, snapshot["electronic_address_scheme"])
    if snapshot.get("leitweg_id"):
        return model.Identifier(snapshot["leitweg_id"], AddressScheme.LEITWEG_ID.value)
    email = snapshot["email"].strip()
    return model.Identifier(email, AddressScheme.EMAIL.value) if email else None


def _address(snapshot: Mapping[str, Any]) -> model.Address:
    street = [line.strip() for line in snapshot["street"].splitlines() if line.strip()]
    first, rest = street[: _MOST_ADDRESS_LINES - 1], street[_MOST_ADDRESS_LINES - 1 :]
    return model.Address(
        lines=tuple([*first, ", ".join(rest)] if rest else first),
        city=_filled(snapshot["city"]),
        postal_code=_filled(snapshot["postal_code"]),
        region=_filled(snapshot["region"]),
        country=_filled(snapshot["country"]),
    )


def _delivery(invoice: Invoice, lines: Sequence[InvoiceLine]) -> model.Delivery | None:
    """Goods for another EU country say where they went (BR-IC-12): to the customer's address."""
    if not any(line.tax_category == TaxCategory.INTRA_COMMUNITY for line in lines):
        return None
    days = [line.service_to for line in lines if line.service_to is not None]
    return model.Delivery(
        name=invoice.buyer["name"].strip(),
        on=max(days, default=None) if invoice.service_to is None else invoice.service_to,
        address=_address(invoice.buyer),
    )


def _period(first: Any, last: Any) -> model.Period | None:
    return None if first is None and last is None else model.Period(start=first, end=last)


def _payments(invoice: Invoice) -> tuple[model.Payment, ...]:
    if invoice.is_credit_note:
        return (model.Payment(code=_SET_OFF),)
    bank = invoice.seller["bank"]
    account = compact(bank["iban"])
    if not account:
        return ()
    iban = is_iban(account)
    return (
        model.Payment(
            code=_SEPA_TRANSFER if iban and invoice.currency == "EUR" else _TRANSFER,
            reference=invoice.number,
            account=account,
            has_account=True,
            account_is_iban=iban,
            account_name=_filled(bank["account_holder"]),
            bic=_filled(bank["bic"]),
        ),
    )


def _group(group: Group, lines: Sequence[InvoiceLine], *, german: bool) -> model.TaxGroup:
    category = group.category
    with_reason = category not in _WITHOUT_REASON
    # XRechnung wants a rate in every group, the standard none where no VAT applies.
    no_rate = category == TaxCategory.NOT_SUBJECT and not german
    return model.TaxGroup(
        basis=group.basis,
        amount=group.tax,
        tax=model.Tax(category=category, rate=None if no_rate else group.rate),
        reason=_filled(group.exemption_reason) if with_reason else None,
        reason_code=_reason_code(category, lines) if with_reason else None,
    )


def _reason_code(category: str, lines: Sequence[InvoiceLine]) -> str | None:
    """The code all lines of the category agree on, else the one that belongs to every sale of the category."""
    codes = {line.exemption_code for line in lines if line.tax_category == category}
    return (codes.pop() if len(codes) == 1 else "") or _VATEX.get(TaxCategory(category))


def _line(line: InvoiceLine, invoice: Invoice) -> model.Line:
    # A price is never below zero (BR-27): what is taken back is a quantity below zero at the same price.
    sign = -1 if line.unit_price < 0 else 1
    untaxed = line.tax_category == TaxCategory.NOT_SUBJECT
    differs = (line.service_from, line.service_to) != (invoice.service_from, invoice.service_to)
    return model.Line(
        id=str(line.position),
        name=" ".join(line.description.split()),
        quantity=Decimal(line.quantity) * sign,
        unit=str(line.unit_code),
        price=Decimal(line.unit_price) * sign,
        net=round_half_up(line.net_amount, exponent(invoice.currency)),
        tax=model.Tax(category=str(line.tax_category), rate=None if untaxed else line.tax_rate),
        period=_period(line.service_from, line.service_to) if differs else None,
    )
