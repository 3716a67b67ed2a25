"""Reading e-invoices of others: EN 16931 in UN/CEFACT CII or UBL, checked by our own rules and totalled anew."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from typing import Any

from crm.engine.amounts import exact_sum, line_net, round_half_up, tax_of
from crm.engine.en16931.check import RulesBroken, broken_rules
from crm.engine.en16931.cii import ROOT, read_cii
from crm.engine.en16931.model import AllowanceCharge, Document, Line, Sums
from crm.engine.en16931.ubl import CREDIT_NOTE, INVOICE, read_ubl
from crm.engine.en16931.xml import UnreadableInvoice, parse

__all__ = [
    "Recount",
    "RulesBroken",
    "UnreadableInvoice",
    "broken_rules",
    "load",
    "read",
    "read_all",
    "recount",
    "stated",
]

ZERO = Decimal(0)
_DIGITS = 2  # the most the standard knows, whatever the currency
# Currencies without a minor unit (ISO 4217): a tax of 0.19 yen cannot be paid, and the rules let it be rounded away.
_WHOLE = frozenset({"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF",
                    "XOF", "XPF"})  # fmt: skip
_RATED = frozenset({"S", "L", "M"})


@dataclass(frozen=True, slots=True)
class Recount:
    """The totals of a document: those stated in it, or those our own arithmetic makes of its parts."""

    lines: Decimal
    allowances: Decimal
    charges: Decimal
    net: Decimal
    tax: Decimal
    gross: Decimal
    due: Decimal
    groups: tuple[tuple[str, Decimal, Decimal, Decimal], ...]


def load(content: bytes) -> Document:
    """Read and check an e-invoice, bare or in an envelope. Raises UnreadableInvoice or RulesBroken."""
    documents = read_all(content)
    broken = [one for document in documents for one in broken_rules(document)]
    if broken:
        raise RulesBroken(broken)
    if len(documents) != 1:
        raise UnreadableInvoice(f"{len(documents)} documents instead of one")
    return documents[0]


def read(content: bytes) -> Document:
    """Read one e-invoice without judging it. Raises UnreadableInvoice."""
    documents = read_all(content)
    if len(documents) != 1:
        raise UnreadableInvoice(f"{len(documents)} documents instead of one")
    return documents[0]


def read_all(content: bytes) -> list[Document]:
    """The documents of a file: itself, or those its envelope holds (such as SBDH). Raises UnreadableInvoice."""
    root = parse(content)
    found = [_read(node) for node in root.iter(*_READERS)]
    if not found:
        raise UnreadableInvoice(f"neither a Cross Industry Invoice nor UBL: {root.tag}")
    return found


def _read(node: Any) -> Document:
    return _READERS[node.tag](node)


_READERS: dict[str, Callable[[Any], Document]] = {ROOT: read_cii, INVOICE: read_ubl, CREDIT_NOTE: read_ubl}


def recount(document: Document) -> Recount:
    """Net, taxes and amount due from the lines, allowances and charges alone; only prepaid and rounding are taken over.

    The basis of a group is the sum of what is taxed alike, its tax the basis times the rate, rounded half up once: to
    cents, or to whole units where the currency has no smaller ones and the document states none.
    """
    sums = document.sums or Sums()
    digits = _tax_digits(document)
    with localcontext(Context(prec=100)):
        lines = _sum(line.net for line in document.lines)
        allowances = _sum(one.amount for one in document.adjustments if not one.charge)
        charges = _sum(one.amount for one in document.adjustments if one.charge)
        groups = tuple(
            (category, rate, basis, tax_of(basis, rate, digits))
            for (category, rate), basis in sorted(_bases(document).items())
        )
        net = lines - allowances + charges
        tax = _sum(group[3] for group in groups)
        due = net + tax - (sums.prepaid or ZERO) + (sums.rounding or ZERO)
        return Recount(lines, allowances, charges, net, tax, net + tax, due, groups)


def stated(document: Document) -> Recount:
    """The totals as the document states them; what it leaves out is zero, or follows from its sums."""
    sums = document.sums or Sums()
    groups = tuple(
        sorted(
            (
                group.tax.category or "",
                _rate(group.tax.category, group.tax.rate),
                group.basis if group.basis is not None else ZERO,
                group.amount if group.amount is not None else ZERO,
            )
            for group in document.groups
        )
    )
    taxes = [total.amount for total in document.tax_in(document.currency) if total.amount is not None]
    return Recount(
        sums.lines or ZERO,
        sums.allowances or ZERO,
        sums.charges or ZERO,
        sums.net or ZERO,
        taxes[0] if taxes else ZERO,
        sums.gross or ZERO,
        sums.due or ZERO,
        groups,
    )


def net_of_line(line: Line) -> Decimal | None:
    """What a line comes to by quantity, price, charges and allowances; None where one of them is missing."""
    if line.quantity is None or line.price is None or line.price_quantity == 0:
        return None
    with localcontext(Context(prec=100)):
        if line.price_quantity is None or line.price_quantity == 1:
            amount = line_net(line.quantity, line.price, 8)
        else:
            amount = line.quantity * line.price / line.price_quantity
        charged = _sum(one.amount for one in line.adjustments if one.charge)
        allowed = _sum(one.amount for one in line.adjustments if not one.charge)
        return round_half_up(amount + charged - allowed, _DIGITS)


def _tax_digits(document: Document) -> int:
    amounts = [group.amount for group in document.groups if group.amount is not None]
    whole = document.currency in _WHOLE and all(amount == amount.to_integral_value() for amount in amounts)
    return 0 if whole else _DIGITS


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return exact_sum(amount for amount in amounts if amount is not None)


def _rate(category: str | None, rate: Decimal | None) -> Decimal:
    return rate if rate is not None and category in _RATED else ZERO


def _bases(document: Document) -> dict[tuple[str, Decimal], Decimal]:
    """What is taxed alike, added up."""
    bases: dict[tuple[str, Decimal], Decimal] = {}
    parts: list[tuple[Line | AllowanceCharge, Decimal]] = [(line, line.net or ZERO) for line in document.lines]
    parts += [(one, (one.amount or ZERO) * (1 if one.charge else -1)) for one in document.adjustments]
    for part, amount in parts:
        if part.tax is None:
            continue
        key = (part.tax.category or "", _rate(part.tax.category, part.tax.rate))
        bases[key] = bases.get(key, ZERO) + amount
    return bases
