"""Rules about code lists (BR-CL-…) and the country in front of a VAT id (BR-CO-09)."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from crm.engine.en16931.findings import Broken
from crm.engine.en16931.model import VAT_SCHEME, AllowanceCharge, Document, Identifier, Party, Tax

CATEGORY_CODES = frozenset({"AE", "L", "M", "E", "S", "Z", "G", "O", "K", "B"})
_CREDIT_NOTE_TYPES = frozenset(
    {"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "502", "503", "532"}
)
_UBL_IN_BOTH = "81"
_TAX_POINT_CODES = {"cii": frozenset({"5", "29", "72"}), "ubl": frozenset({"3", "35", "432"})}
# South Sudan is missing from the rules for CII, the Netherlands Antilles (dissolved in 2010) from those for UBL.
_COUNTRY_BY_SYNTAX = {"cii": "AN", "ubl": "SS"}
_GREECE = "EL"


@cache
def codes(name: str) -> frozenset[str]:
    """A code list as the rules know it, by its file in ``codes/``."""
    return frozenset((Path(__file__).parent / "codes" / f"{name}.txt").read_text(encoding="ascii").split())


def code_lists(doc: Document) -> Iterator[Broken]:
    """Every code is one of its list."""
    yield from _header(doc)
    yield from _parties(doc)
    for payment in doc.payments:
        if _unknown(payment.code, "payment_means"):
            yield Broken("BR-CL-16")
    for group in doc.groups:
        yield from _category(group.tax, "BR-CL-18" if doc.syntax == "cii" else "BR-CL-17")
        if _unknown(group.reason_code, "exemption_reasons"):
            yield Broken("BR-CL-22")
    for one in doc.adjustments:
        yield from _adjustment(one, "")
    yield from _lines(doc)


def _unknown(value: str | None, name: str) -> bool:
    return value is not None and value.strip() not in codes(name)


def _header(doc: Document) -> Iterator[Broken]:
    if doc.type_code is not None and doc.type_code not in _document_types(doc):
        yield Broken("BR-CL-01")
    for rule, value in (("BR-CL-04", doc.currency), ("BR-CL-05", doc.tax_currency)):
        if _unknown(value, "currencies"):
            yield Broken(rule)
    if not doc.amount_currencies <= codes("currencies"):
        yield Broken("BR-CL-03")
    if doc.tax_point_code is not None and doc.tax_point_code not in _TAX_POINT_CODES[doc.syntax]:
        yield Broken("BR-CL-06")


def _document_types(doc: Document) -> frozenset[str]:
    known = codes("document_types")
    if doc.syntax == "cii":
        return known
    return _CREDIT_NOTE_TYPES if doc.is_credit_note_root else known - _CREDIT_NOTE_TYPES | {_UBL_IN_BOTH}


def _parties(doc: Document) -> Iterator[Broken]:
    for party in (doc.seller, doc.buyer, doc.payee, doc.representative):
        if party is not None:
            yield from _party(doc, party)
    address = doc.delivery.address if doc.delivery else None
    if address is not None and _foreign(doc, address.country):
        yield Broken("BR-CL-14")


def _party(doc: Document, party: Party) -> Iterator[Broken]:
    if party.address is not None and _foreign(doc, party.address.country):
        yield Broken("BR-CL-14")
    for one in party.tax_ids:
        if one.scheme == VAT_SCHEME and one.value[:2] != _GREECE and _foreign(doc, one.value[:2]):
            yield Broken("BR-CO-09")
    for one in party.ids:
        if _unknown(one.scheme, "id_schemes") and not _sepa(doc, party, one):
            yield Broken("BR-CL-10")
    if party.legal_id is not None and _unknown(party.legal_id.scheme, "id_schemes"):
        yield Broken("BR-CL-11")
    if party.endpoint is not None and _unknown(party.endpoint.scheme, "address_schemes"):
        yield Broken("BR-CL-25")


def _sepa(doc: Document, party: Party, one: Identifier) -> bool:
    """UBL keeps the creditor id of direct debits (BT-90) among the ids of seller or payee."""
    return doc.syntax == "ubl" and one.scheme == "SEPA" and (party is doc.seller or party is doc.payee)


def _foreign(doc: Document, country: str | None) -> bool:
    known = codes("countries")
    return country is not None and country not in known and country != _COUNTRY_BY_SYNTAX[doc.syntax]


def _category(tax: Tax | None, rule: str, where: str = "") -> Iterator[Broken]:
    if tax is not None and tax.category is not None and tax.category not in CATEGORY_CODES:
        yield Broken(rule, where)


def _adjustment(one: AllowanceCharge, where: str) -> Iterator[Broken]:
    yield from _category(one.tax, "BR-CL-17", where)
    rule, name = ("BR-CL-20", "charge_reasons") if one.charge else ("BR-CL-19", "allowance_reasons")
    if _unknown(one.reason_code, name):
        yield Broken(rule, where)


def _lines(doc: Document) -> Iterator[Broken]:
    for line in doc.lines:
        where = line.id or ""
        yield from _category(line.tax, "BR-CL-18", where)
        if any(_unknown(unit, "units") for unit in (line.unit, *line.other_units)):
            yield Broken("BR-CL-23", where)
        if line.standard_id is not None and _unknown(line.standard_id.scheme, "id_schemes"):
            yield Broken("BR-CL-21", where)
        if any(_unknown(one.scheme, "item_classes") for one in line.classes):
            yield Broken("BR-CL-13", where)
        for one in line.adjustments:
            yield from _adjustment(one, where)
