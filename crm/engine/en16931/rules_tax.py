"""Rules of each VAT category: which ids, rates, groups and reasons belong to it (BR-S-…, BR-Z-…, BR-AE-… and so on)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from crm.engine.en16931.findings import Broken, cents
from crm.engine.en16931.model import AllowanceCharge, Document, Line, Party, Tax, TaxGroup

ZERO = Decimal(0)
_HUNDRED = Decimal(100)


@dataclass(frozen=True)
class Category:
    """A VAT category and the prefix of its rules."""

    code: str
    rules: str
    ids_named: Callable[[Document], bool]
    rate_fits: Callable[[Document, Decimal | None], bool]


def _seller_taxed(doc: Document) -> bool:
    return _has(doc.seller, local=True) or _has(doc.representative)


def _seller_in_vat(doc: Document) -> bool:
    return _has(doc.seller) or _has(doc.representative)


def _both_known(doc: Document) -> bool:
    return _seller_taxed(doc) and (_has(doc.buyer) or (doc.buyer is not None and doc.buyer.legal_id is not None))


def _both_in_vat(doc: Document) -> bool:
    return _seller_in_vat(doc) and _has(doc.buyer)


def _nobody_in_vat(doc: Document) -> bool:
    return not (_has(doc.seller) or _has(doc.representative) or _has(doc.buyer))


def _has(party: Party | None, *, local: bool = False) -> bool:
    return party is not None and (party.has_tax_id if local else party.has_vat_id)


def _above(doc: Document, rate: Decimal | None) -> bool:
    return rate is not None and rate > 0


def _above_in_cii(doc: Document, rate: Decimal | None) -> bool:
    return rate is not None and (rate > 0 if doc.syntax == "cii" else rate >= 0)


def _not_below(doc: Document, rate: Decimal | None) -> bool:
    return rate is not None and rate >= 0


def _zero(doc: Document, rate: Decimal | None) -> bool:
    return rate == 0


def _none(doc: Document, rate: Decimal | None) -> bool:
    return rate is None


CATEGORIES = (
    Category("S", "BR-S", _seller_taxed, _above),
    Category("Z", "BR-Z", _seller_taxed, _zero),
    Category("E", "BR-E", _seller_taxed, _zero),
    Category("AE", "BR-AE", _both_known, _zero),
    Category("K", "BR-IC", _both_in_vat, _zero),
    Category("G", "BR-G", _seller_in_vat, _zero),
    Category("O", "BR-O", _nobody_in_vat, _none),
    Category("L", "BR-AF", _seller_taxed, _above_in_cii),
    Category("M", "BR-AG", _seller_taxed, _not_below),
)
_TAXED = ("S", "L", "M")
_REASONLESS = ("S", "L", "M", "Z")


def categories(doc: Document) -> Iterator[Broken]:
    """All rules of all categories."""
    used = {
        tax.category for tax in (*(line.tax for line in doc.lines), *(one.tax for one in _all_adjustments(doc))) if tax
    }
    used |= {group.tax.category for group in doc.groups}
    for category in CATEGORIES:
        if category.code in used:
            yield from _category(doc, category)
    if "O" in used:
        yield from _nothing_beside_o(doc)
    if "B" in used:
        yield from _split_payment(doc, used)


def _all_adjustments(doc: Document) -> list[AllowanceCharge]:
    return [*doc.adjustments, *(one for line in doc.lines for one in line.adjustments)]


def _category(doc: Document, category: Category) -> Iterator[Broken]:
    code, rules = category.code, category.rules
    lines = [line for line in doc.lines if _is(line.tax, code)]
    other = [one for one in _all_adjustments(doc) if _is(one.tax, code)]
    groups = [group for group in doc.groups if _is(group.tax, code)]
    in_vat = [line for line in lines if _is(line.tax, code, vat=True)]
    if not _grouped(doc, code, lines, other, groups):
        yield Broken(f"{rules}-01")
    named = category.ids_named(doc)
    if (in_vat and not named) or (lines and not in_vat and code == "S" and doc.syntax == "ubl"):
        yield Broken(f"{rules}-02")
    for line in in_vat:
        if line.tax and not category.rate_fits(doc, line.tax.rate):
            yield Broken(f"{rules}-05", line.id or "")
    for charge, ids, rate in ((False, "03", "06"), (True, "04", "07")):
        mine = [one for one in other if one.charge is charge and _is(one.tax, code, vat=True)]
        if mine and not named:
            yield Broken(f"{rules}-{ids}")
        yield from (Broken(f"{rules}-{rate}") for one in mine if one.tax and not category.rate_fits(doc, one.tax.rate))
    scheme_matters = doc.syntax == "ubl" or code not in ("S", "Z")
    for group in groups:
        if _is(group.tax, code, vat=scheme_matters):
            yield from _group(doc, category, group)


def _is(tax: Tax | None, code: str, *, vat: bool = False) -> bool:
    """Whether something is taxed by this category; ``vat``: and says that the tax is VAT."""
    return tax is not None and tax.category == code and (tax.is_vat or not vat)


def _grouped(
    doc: Document,
    code: str,
    lines: Sequence[Line],
    other: Sequence[AllowanceCharge],
    groups: Sequence[TaxGroup],
) -> bool:
    """Each category used has its group (-01)."""
    vat = doc.syntax == "ubl" and code != "S"
    line, one, group = (sum(1 for part in parts if _is(part.tax, code, vat=vat)) for parts in (lines, other, groups))
    if code in _TAXED:
        if doc.syntax == "ubl":
            return (line + one > 0) == (group > 0)
        return (line == 0 or line + group >= 2) and (one == 0 or one + group >= 2)
    if doc.syntax == "ubl":
        return group == 1 if line + one + group else True
    if code == "O" and group == 0:
        return True
    return group == 1 and line + one > 0


def _group(doc: Document, category: Category, group: TaxGroup) -> Iterator[Broken]:
    code, rules = category.code, category.rules
    if not _basis_is_right(doc, code, group):
        yield Broken(f"{rules}-08")
    if not _tax_is_right(doc, code, group):
        yield Broken(f"{rules}-09")
    has_reason = group.reason is not None or group.reason_code is not None
    if has_reason == (code in _REASONLESS):
        yield Broken(f"{rules}-10")
    if code == "K":
        yield from _delivered(doc)


def _basis_is_right(doc: Document, code: str, group: TaxGroup) -> bool:
    taxed, exact_in_cii = code in _TAXED, code in ("S", "O")
    if taxed and (group.tax.rate is None or (doc.syntax == "cii" and code != "S")):
        return True
    rate = group.tax.rate if taxed else None
    if group.basis is None:
        return False
    parts = _parts(doc, code, rate)
    if doc.syntax == "ubl":
        if code == "S" and not (parts.any_line or parts.any_adjustment):
            return False
        # The official rule asks invoices and credit notes in turn, each with all allowances and charges.
        if code == "S" and parts.any_adjustment and _is_near(doc, group.basis, parts.adjusted):
            return True
        return _is_near(doc, group.basis, parts.exact) if taxed else group.basis == parts.exact
    return group.basis == parts.rounded if exact_in_cii else _is_near(doc, group.basis, parts.rounded)


def _is_near(doc: Document, basis: Decimal, expected: Decimal) -> bool:
    """Less than one unit of the currency apart.

    The official rules take one from the basis and add one to it in binary floating point; where both are one unit
    apart to the cent, the verdict hangs on that, so it is done the same way.
    """
    low, high = float(basis) - 1, float(basis) + 1
    if doc.syntax == "cii":
        return low < float(expected) < high
    return Decimal(low) < expected < Decimal(high)


@dataclass(frozen=True)
class _Parts:
    exact: Decimal
    adjusted: Decimal
    rounded: Decimal
    any_line: bool
    any_adjustment: bool


def _parts(doc: Document, code: str, rate: Decimal | None) -> _Parts:
    lines = [
        line.net or ZERO
        for line in doc.lines
        if line.tax and line.tax.category == code and (rate is None or line.tax.rate == rate)
    ]
    other = [
        one
        for one in doc.adjustments
        if one.tax and one.tax.category == code and (rate is None or one.tax.rate == rate)
    ]
    charges = sum((one.amount or ZERO for one in other if one.charge), ZERO)
    allowances = sum((one.amount or ZERO for one in other if not one.charge), ZERO)
    net = sum(lines, ZERO)
    return _Parts(
        exact=net + charges - allowances,
        adjusted=charges - allowances,
        rounded=cents(net) + cents(charges) - cents(allowances),
        any_line=bool(lines),
        any_adjustment=bool(other),
    )


def _tax_is_right(doc: Document, code: str, group: TaxGroup) -> bool:
    if code in ("L", "M") and doc.syntax == "cii":
        return True
    if code not in _TAXED:
        return group.amount == 0
    if group.amount is None or group.basis is None or group.tax.rate is None:
        return False
    product = abs(group.basis) * group.tax.rate
    if doc.syntax == "cii":
        expected = (product + Decimal("0.5")).to_integral_value("ROUND_FLOOR") / _HUNDRED
    else:
        expected = cents(product / _HUNDRED)
    return abs(abs(group.amount) - expected) < 1


def _delivered(doc: Document) -> Iterator[Broken]:
    """An intra-community supply says when and where to it was delivered (BR-IC-11, BR-IC-12)."""
    period, delivery = doc.period, doc.delivery
    dated = delivery is not None and (delivery.on is not None or delivery.names_on)
    spanned = period is not None and (period.names_start or period.names_end or period.code is not None)
    if not dated and not spanned:
        yield Broken("BR-IC-11")
    country = delivery.address.country if delivery and delivery.address else None
    if (country is None) if doc.syntax == "cii" else len(country or "") < 2:
        yield Broken("BR-IC-12")


def _nothing_beside_o(doc: Document) -> Iterator[Broken]:
    """Not subject to VAT stands alone (BR-O-11 to BR-O-14)."""
    if not any(_is(group.tax, "O", vat=True) for group in doc.groups):
        return
    vat = doc.syntax == "ubl"
    groups = any(_is_other(group.tax, vat) for group in doc.groups)
    lines = any(_is_other(line.tax, vat) for line in doc.lines)
    others = [one for one in _all_adjustments(doc) if _is_other(one.tax, vat)]
    allowances, charges = any(not one.charge for one in others), any(one.charge for one in others)
    if doc.syntax == "cii":
        groups = lines = groups or lines
        allowances = charges = bool(others)
    found = (("BR-O-11", groups), ("BR-O-12", lines), ("BR-O-13", allowances), ("BR-O-14", charges))
    yield from (Broken(rule) for rule, broken in found if broken)


def _is_other(tax: Tax | None, vat: bool) -> bool:
    """Whether something is taxed by another category than O; in UBL (``vat``) by none is another as well."""
    if tax is None:
        return False
    return tax.category != "O" and tax.is_vat if vat else tax.category not in ("O", None)


def _split_payment(doc: Document, used: set[str | None]) -> Iterator[Broken]:
    """Category B is for Italy alone (BR-B-01) and never beside the standard rate (BR-B-02)."""
    addresses = [party.address for party in (doc.seller, doc.buyer, doc.payee, doc.representative) if party]
    addresses.append(doc.delivery.address if doc.delivery else None)
    if any(address and address.country is not None and address.country != "IT" for address in addresses):
        yield Broken("BR-B-01")
    if "S" in used:
        yield Broken("BR-B-02")
