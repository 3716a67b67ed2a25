"""Rules of arithmetic: totals (BR-12 to BR-15, BR-53, BR-CO-10 to BR-CO-16) and digits (BR-DEC-…)."""

from collections.abc import Iterator
from decimal import Decimal

from crm.engine.en16931.findings import Broken, cents, too_fine, whole
from crm.engine.en16931.model import AllowanceCharge, Document, Sums, TaxGroup

ZERO = Decimal(0)
_HUNDRED = Decimal(100)


def totals(doc: Document) -> Iterator[Broken]:
    """The totals are there and follow from each other."""
    sums = doc.sums
    if sums is None:
        yield from _gross(doc, Sums())
        return
    stated = (("BR-12", sums.lines), ("BR-13", sums.net), ("BR-14", sums.gross), ("BR-15", sums.due))
    yield from (Broken(rule) for rule, value in stated if value is None)
    nets = [line.net for line in doc.lines if line.net is not None]
    if sums.lines is None or sums.lines != cents(sum(nets, ZERO)):
        yield Broken("BR-CO-10")
    yield from _adjusted(doc, sums.allowances, "BR-CO-11", charge=False)
    yield from _adjusted(doc, sums.charges, "BR-CO-12", charge=True)
    yield from _net(doc, sums)
    yield from _gross(doc, sums)
    if not _due_is_right(doc, sums):
        yield Broken("BR-CO-16")


def _adjusted(doc: Document, stated: Decimal | None, rule: str, *, charge: bool) -> Iterator[Broken]:
    mine = [one for one in doc.adjustments if one.charge is charge]
    if stated is None and not mine:
        return
    if stated is None or stated != cents(sum((one.amount or ZERO for one in mine), ZERO)):
        yield Broken(rule)


def _net(doc: Document, sums: Sums) -> Iterator[Broken]:
    if sums.net is None or sums.lines is None:
        yield Broken("BR-CO-13")
        return
    expected = sums.lines - (sums.allowances or ZERO) + (sums.charges or ZERO)
    if doc.syntax == "cii" or sums.allowances is not None or sums.charges is not None:
        expected = cents(expected)
    if sums.net != expected:
        yield Broken("BR-CO-13")


def _gross(doc: Document, sums: Sums) -> Iterator[Broken]:
    if doc.currency is None:
        return
    taxes = [total.amount for total in doc.tax_in(doc.currency) if total.amount is not None]
    if doc.syntax == "cii" and sums.gross is not None and sums.gross == sums.net:
        return
    if len(taxes) != 1 or sums.gross is None or sums.net is None or sums.gross != cents(sums.net + taxes[0]):
        yield Broken("BR-CO-15")


def _due_is_right(doc: Document, sums: Sums) -> bool:
    if sums.due is None or sums.gross is None:
        return False
    prepaid, rounding = sums.prepaid or ZERO, sums.rounding or ZERO
    if doc.syntax == "cii":
        return sums.due == sums.gross - prepaid + rounding
    owed = sums.gross if sums.prepaid is None else cents(sums.gross - prepaid)
    return (sums.due if sums.rounding is None else cents(sums.due - rounding)) == owed


def taxes(doc: Document) -> Iterator[Broken]:
    """The tax total is the sum of its groups, each group's tax follows from its basis: BR-45 to -48, BR-CO-14, -17."""
    yield from _tax_currency(doc)
    if doc.syntax == "ubl":
        for total in doc.tax_totals:
            if total.groups and (total.amount is None or total.amount != _sum_of_taxes(total.groups)):
                yield Broken("BR-CO-14")
    else:
        expected = _sum_of_taxes(doc.groups)
        stated = doc.tax_in(doc.currency) if doc.currency is not None and doc.sums is not None else []
        yield from (Broken("BR-CO-14") for total in stated if total.amount != expected)
    for group in doc.groups:
        # The official rules for CII look at these groups with their own rules only.
        if doc.syntax == "ubl" or group.tax.category not in ("O", "L", "M") or not group.tax.is_vat:
            yield from _group(doc, group)


def _sum_of_taxes(groups: tuple[TaxGroup, ...]) -> Decimal:
    return cents(sum((group.amount or ZERO for group in groups), ZERO))


def _tax_currency(doc: Document) -> Iterator[Broken]:
    if doc.tax_currency is None or (doc.sums is None and doc.syntax == "cii"):
        return
    if not doc.tax_in(doc.tax_currency) or (doc.syntax == "cii" and doc.tax_currency == doc.currency):
        yield Broken("BR-53")


def _group(doc: Document, group: TaxGroup) -> Iterator[Broken]:
    category = group.tax.category if group.tax.is_vat else None
    rate = group.tax.rate if group.tax.is_vat else None
    if group.basis is None:
        yield Broken("BR-45")
    if group.amount is None:
        yield Broken("BR-46")
    if category is None:
        yield Broken("BR-47")
    if rate is None and category != "O":
        yield Broken("BR-48")
    if not _tax_is_near(doc, group, rate):
        yield Broken("BR-CO-17")
    if too_fine(group.basis):
        yield Broken("BR-DEC-19")
    if too_fine(group.amount):
        yield Broken("BR-DEC-20")


def _tax_is_near(doc: Document, group: TaxGroup, rate: Decimal | None) -> bool:
    """BR-CO-17 leaves a tolerance of one unit of the currency for taxes summed up line by line."""
    if group.amount is None:
        return False
    if rate is None or whole(rate) == 0:
        return whole(group.amount) == 0
    if group.basis is None:
        return False
    off = abs(abs(group.amount) - cents(abs(group.basis) * rate / _HUNDRED))
    return off <= 1 if doc.syntax == "cii" else off < 1


def digits(doc: Document) -> Iterator[Broken]:
    """No amount has more than two decimals."""
    sums = doc.sums or Sums()
    stated = (
        ("BR-DEC-09", sums.lines), ("BR-DEC-10", sums.allowances), ("BR-DEC-11", sums.charges),
        ("BR-DEC-12", sums.net), ("BR-DEC-14", sums.gross), ("BR-DEC-16", sums.prepaid),
        ("BR-DEC-17", sums.rounding), ("BR-DEC-18", sums.due),
    )  # fmt: skip
    yield from (Broken(rule) for rule, value in stated if too_fine(value))
    if doc.syntax == "cii":
        yield from _tax_digits(doc)
    for one in doc.adjustments:
        yield from _adjustment_digits(
            one, "", *(("BR-DEC-05", "BR-DEC-06") if one.charge else ("BR-DEC-01", "BR-DEC-02"))
        )
    for line in doc.lines:
        if too_fine(line.net):
            yield Broken("BR-DEC-23", line.id or "")
        for one in line.adjustments:
            rules = ("BR-DEC-27", "BR-DEC-28") if one.charge else ("BR-DEC-24", "BR-DEC-25")
            yield from _adjustment_digits(one, line.id or "", *rules)


def _tax_digits(doc: Document) -> Iterator[Broken]:
    if not doc.tax_totals:
        return
    fine = [
        total.currency for total in doc.tax_totals if total.amount is not None and total.amount != cents(total.amount)
    ]
    currencies = [total.currency for total in doc.tax_totals]
    if all(currency == doc.currency for currency in currencies) and len(fine) == len(currencies):
        yield Broken("BR-DEC-13")
    if doc.tax_currency is not None and not any(
        total.currency == doc.tax_currency and total.amount is not None and total.amount == cents(total.amount)
        for total in doc.tax_totals
    ):
        yield Broken("BR-DEC-15")


def _adjustment_digits(one: AllowanceCharge, where: str, amount: str, base: str) -> Iterator[Broken]:
    if too_fine(one.amount):
        yield Broken(amount, where)
    if too_fine(one.base):
        yield Broken(base, where)
