"""What Germany's XRechnung (CIUS 3.0) asks beyond EN 16931: BR-DE-… and the rules it takes over from Peppol."""

import re
from collections.abc import Iterator

from crm.engine.en16931.findings import Broken
from crm.engine.en16931.ids import is_iban
from crm.engine.en16931.model import Address, Contact, Document, Payment
from crm.engine.en16931.rules_parts import blank

XRECHNUNG = "urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"
PROCESS = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
_TYPES = frozenset({"326", "380", "384", "389", "381", "875", "876", "877"})
_CORRECTION = "384"
_TRANSFERS, _CARDS, _DEBITS = ("30", "58"), ("48", "54", "55"), ("59",)
_TAXED = frozenset({"S", "Z", "E", "AE", "K", "G", "L", "M"})
_PHONE = re.compile(r"(\D*\d){3,}")
_EMAIL = re.compile(r"[^@\s.]([^@\s]*[^@\s.])?@[^@\s.]([^@\s]*[^@\s.])?")
_DISCOUNT = re.compile(r"#(SKONTO)#TAGE=([0-9]+)#PROZENT=([0-9]+\.[0-9]{2})(#BASISBETRAG=-?([0-9]+\.[0-9]{2}))?#$")


def is_xrechnung(doc: Document) -> bool:
    """Whether the document says it keeps to XRechnung."""
    return "xrechnung" in (doc.specification or "")


def german(doc: Document) -> Iterator[Broken]:
    """All of them; for documents that are meant to be an XRechnung."""
    if doc.specification != XRECHNUNG:
        yield Broken("BR-DE-21")
    yield from _header(doc)
    yield from _seller(doc)
    yield from _buyer(doc)
    yield from _payments(doc)
    yield from _taxes(doc)


def _header(doc: Document) -> Iterator[Broken]:
    if blank(doc.buyer_reference):
        yield Broken("BR-DE-15")
    if doc.type_code not in _TYPES:
        yield Broken("BR-DE-17")
    if doc.type_code == _CORRECTION and not doc.corrects:
        yield Broken("BR-DE-26")
    marked = [row for row in (doc.terms or "").splitlines() if row.strip().startswith("#")]
    if any(not _DISCOUNT.match(row.strip()) for row in marked):
        yield Broken("BR-DE-18")
    if blank(doc.process):
        yield Broken("PEPPOL-EN16931-R001")


def _seller(doc: Document) -> Iterator[Broken]:
    seller = doc.seller
    if seller is None:
        return
    yield from _place(seller.address, "BR-DE-3", "BR-DE-4")
    if seller.endpoint is None:
        yield Broken("PEPPOL-EN16931-R020")
    if seller.contact is None:
        yield Broken("BR-DE-2")
    else:
        yield from _contact(seller.contact)


def _contact(contact: Contact) -> Iterator[Broken]:
    for rule, value in (("BR-DE-5", contact.name), ("BR-DE-6", contact.phone), ("BR-DE-7", contact.email)):
        if blank(value):
            yield Broken(rule)
    if not blank(contact.phone) and not _PHONE.match(contact.phone or ""):
        yield Broken("BR-DE-27")
    if not blank(contact.email) and not _EMAIL.fullmatch(contact.email or ""):
        yield Broken("BR-DE-28")


def _place(address: Address | None, city: str, postal_code: str) -> Iterator[Broken]:
    if address is None:
        return
    if blank(address.city):
        yield Broken(city)
    if blank(address.postal_code):
        yield Broken(postal_code)


def _buyer(doc: Document) -> Iterator[Broken]:
    if doc.buyer is not None:
        yield from _place(doc.buyer.address, "BR-DE-8", "BR-DE-9")
        if doc.buyer.endpoint is None:
            yield Broken("PEPPOL-EN16931-R010")
    if doc.delivery is not None:
        yield from _place(doc.delivery.address, "BR-DE-10", "BR-DE-11")


def _payments(doc: Document) -> Iterator[Broken]:
    if not doc.payments:
        yield Broken("BR-DE-1")
    for one in doc.payments:
        yield from _payment(one)


def _payment(one: Payment) -> Iterator[Broken]:
    """Each way of paying brings its own particulars and no others."""
    debit = one.debited_account is not None or one.mandate is not None
    for codes, own, others, needed, alien in (
        (_TRANSFERS, one.has_account, one.card is not None or debit, "BR-DE-23-a", "BR-DE-23-b"),
        (_CARDS, one.card is not None, one.has_account or debit, "BR-DE-24-a", "BR-DE-24-b"),
        (_DEBITS, debit, one.has_account or one.card is not None, "BR-DE-25-a", "BR-DE-25-b"),
    ):
        if one.code in codes and not own:
            yield Broken(needed)
        if one.code in codes and others:
            yield Broken(alien)
    if one.code == "58" and one.account is not None and not is_iban(one.account):
        yield Broken("BR-DE-19")
    if one.code in _DEBITS and one.debited_account is not None and not is_iban(one.debited_account):
        yield Broken("BR-DE-20")


def _taxes(doc: Document) -> Iterator[Broken]:
    if any(group.tax.rate is None for group in doc.groups):
        yield Broken("BR-DE-14")
    used = {line.tax.category for line in doc.lines if line.tax}
    used |= {one.tax.category for one in doc.adjustments if one.tax}
    if not used & _TAXED:
        return
    seller_named = doc.seller is not None and doc.seller.has_tax_id
    if not seller_named and doc.representative is None:
        yield Broken("BR-DE-16")
