"""Rules about what must be there: header, parties, lines, periods, payment (BR-01 to BR-65, BR-CO-…)."""

from collections.abc import Iterator

from crm.engine.en16931.findings import Broken
from crm.engine.en16931.model import AllowanceCharge, Document, Line, Party, Period

_TRANSFERS = ("30", "58")
_CARD_DIGITS = 10


def blank(value: str | None) -> bool:
    """Absent or empty."""
    return not (value or "").strip()


def header(doc: Document) -> Iterator[Broken]:
    """BR-01 to BR-05, BR-16, BR-55, BR-52."""
    required = (
        ("BR-01", doc.specification), ("BR-02", doc.number), ("BR-04", doc.type_code), ("BR-05", doc.currency),
    )  # fmt: skip
    yield from (Broken(rule) for rule, value in required if blank(value))
    if doc.issued_on is None:
        yield Broken("BR-03")
    if not doc.lines:
        yield Broken("BR-16")
    for one in doc.corrects:
        if (one.number is None) if doc.syntax == "ubl" else blank(one.number):
            yield Broken("BR-55")
    yield from (Broken("BR-52") for one in doc.attachments if blank(one.number))


def parties(doc: Document) -> Iterator[Broken]:
    """Seller, buyer, tax representative, payee, place of delivery."""
    for party, name, place, country, scheme in (
        (doc.seller, "BR-06", "BR-08", "BR-09", "BR-62"), (doc.buyer, "BR-07", "BR-10", "BR-11", "BR-63"),
    ):  # fmt: skip
        if party is None or blank(party.name):
            yield Broken(name)
        yield from _address(doc, party, place, country)
        if party is not None and party.endpoint is not None and _unschemed(doc, party.endpoint.scheme):
            yield Broken(scheme)
    if doc.seller is not None and not _identified(doc, doc.seller):
        yield Broken("BR-CO-26")
    if doc.representative is not None:
        yield from _representative(doc, doc.representative)
    if doc.payee is not None and not _other_payee(doc, doc.payee):
        yield Broken("BR-17")
    place_of_delivery = doc.delivery.address if doc.delivery else None
    if place_of_delivery is not None and (
        place_of_delivery.country is None if doc.syntax == "ubl" else blank(place_of_delivery.country)
    ):
        yield Broken("BR-57")


def _unschemed(doc: Document, scheme: str | None) -> bool:
    return scheme is None if doc.syntax == "ubl" else blank(scheme)


def _address(doc: Document, party: Party | None, place: str, country: str) -> Iterator[Broken]:
    address = party.address if party else None
    if address is None:
        yield Broken(place)
        if doc.syntax == "cii":
            yield Broken(country)
    elif blank(address.country):
        yield Broken(country)


def _identified(doc: Document, seller: Party) -> bool:
    ids = seller.ids if doc.syntax == "cii" else [one for one in seller.ids if one.scheme != "SEPA"]
    return bool(ids) or seller.legal_id is not None or seller.has_vat_id


def _representative(doc: Document, party: Party) -> Iterator[Broken]:
    name = party.name if doc.syntax == "cii" else party.trade_name
    if blank(name):
        yield Broken("BR-18")
    if party.address is None:
        yield Broken("BR-19")
    if (party.address is None and doc.syntax == "cii") or (party.address and blank(party.address.country)):
        yield Broken("BR-20")
    if not party.has_vat_id:
        yield Broken("BR-56")


def _other_payee(doc: Document, payee: Party) -> bool:
    """A payee is named only when it is somebody else than the seller."""
    seller = doc.seller or Party()
    ids = {one.value for one in payee.ids} & {one.value for one in seller.ids}
    if doc.syntax == "ubl":
        return payee.trade_name is not None and payee.trade_name != seller.trade_name and not ids
    same_legal = (
        payee.legal_id is not None and seller.legal_id is not None and (payee.legal_id.value == seller.legal_id.value)
    )
    return payee.name is not None and payee.name != seller.name and not ids and not same_legal


def periods(doc: Document) -> Iterator[Broken]:
    """BR-29, BR-30, BR-CO-03, BR-CO-19, BR-CO-20."""
    if doc.period is not None:
        yield from _period(doc.period, "", "BR-29", "BR-CO-19")
    for line in doc.lines:
        if line.period is not None:
            yield from _period(line.period, line.id or "", "BR-30", "BR-CO-20")
    both = doc.tax_point_on is not None and doc.tax_point_code is not None
    if both and (
        doc.syntax == "ubl"
        or any(group.tax.category not in ("O", "L", "M") or not group.tax.is_vat for group in doc.groups)
    ):
        yield Broken("BR-CO-03")


def _period(period: Period, where: str, order: str, filled: str) -> Iterator[Broken]:
    both_named = period.names_start and period.names_end
    if both_named and (period.start is None or period.end is None or period.end < period.start):
        yield Broken(order, where)
    if not period.names_start and not period.names_end and not (filled == "BR-CO-19" and period.code is not None):
        yield Broken(filled, where)


def payment(doc: Document) -> Iterator[Broken]:
    """BR-49 to BR-51, BR-61."""
    for one in doc.payments:
        if one.code is None:
            yield Broken("BR-49")
        transfer = (one.code or "").strip() in _TRANSFERS
        if transfer and one.has_account and blank(one.account):
            yield Broken("BR-50")
        if transfer and one.account is None and (one.has_account or doc.syntax == "ubl"):
            yield Broken("BR-61")
        if one.card is not None and len(one.card) > _CARD_DIGITS:
            yield Broken("BR-51")


def lines(doc: Document) -> Iterator[Broken]:
    """BR-21 to BR-28, BR-54, BR-64, BR-65, BR-CO-04, BR-CO-18."""
    for line in doc.lines:
        where = line.id or ""
        missing = (
            ("BR-21", blank(line.id)),
            ("BR-22", line.quantity is None),
            ("BR-23", line.unit is None),
            ("BR-24", line.net is None),
            ("BR-25", blank(line.name)),
            ("BR-26", line.price is None),
            ("BR-27", line.price is None or line.price < 0),
            ("BR-28", line.gross_price is not None and line.gross_price < 0),
            ("BR-64", line.standard_id is not None and _unschemed(doc, line.standard_id.scheme)),
            ("BR-CO-04", line.tax is None or not line.tax.is_vat or line.tax.category is None),
        )
        yield from (Broken(rule, where) for rule, broken in missing if broken)
        yield from _item(doc, line, where)
    if not doc.groups and (doc.syntax == "ubl" or doc.lines):
        yield Broken("BR-CO-18")


def _item(doc: Document, line: Line, where: str) -> Iterator[Broken]:
    yield from (Broken("BR-52", where) for one in line.references if blank(one.number))
    yield from (Broken("BR-54", where) for name, value in line.properties if name is None or value is None)
    yield from (Broken("BR-65", where) for one in line.classes if _unschemed(doc, one.scheme))


def adjustments(doc: Document) -> Iterator[Broken]:
    """Allowances and charges: BR-31 to BR-38, BR-41 to BR-44, BR-CO-21 to BR-CO-24."""
    for one in doc.adjustments:
        amount, category, reason, co = (
            ("BR-36", "BR-37", "BR-38", "BR-CO-22") if one.charge else ("BR-31", "BR-32", "BR-33", "BR-CO-21")
        )
        yield from _adjustment(one, "", amount, reason, co)
        if one.tax is None or not one.tax.is_vat or one.tax.category is None:
            yield Broken(category)
    for line in doc.lines:
        for one in line.adjustments:
            rules = ("BR-43", "BR-44", "BR-CO-24") if one.charge else ("BR-41", "BR-42", "BR-CO-23")
            yield from _adjustment(one, line.id or "", *rules)


def _adjustment(one: AllowanceCharge, where: str, amount: str, reason: str, co: str) -> Iterator[Broken]:
    if one.amount is None:
        yield Broken(amount, where)
    if one.reason is None and one.reason_code is None:
        yield Broken(reason, where)
        yield Broken(co, where)
