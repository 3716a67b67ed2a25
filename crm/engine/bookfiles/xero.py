"""Xero's sales invoice CSV: at most 500 invoices in a file, UTF-8, one row per line.

Xero computes again what it reads: quantity times unit price and the tax of each line, both to the cent. Lines that
would come out otherwise (a finer price, tax rounded once over several lines) are summed up to one line per tax
group, whose recalculation is ours by construction; what even then would differ is named as a gap.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from crm.engine.amounts import exact_sum, line_net, round_half_up, tax_of
from crm.engine.bookfiles.values import Gap, NamedFile, Sale, SoldGroup, SoldLine
from hashinsight.common.exports import safe_text

HEADER = (
    "*ContactName", "EmailAddress", "POAddressLine1", "POAddressLine2", "POAddressLine3", "POAddressLine4", "POCity",
    "PORegion", "POPostalCode", "POCountry", "*InvoiceNumber", "Reference", "*InvoiceDate", "*DueDate", "Total",
    "InventoryItemCode", "*Description", "*Quantity", "*UnitAmount", "Discount", "*AccountCode", "*TaxType",
    "TaxAmount", "TrackingName1", "TrackingOption1", "TrackingName2", "TrackingOption2", "Currency", "BrandingTheme",
)  # fmt: skip
MOST_INVOICES = 500
DIGITS = 4
CENT = Decimal("0.01")
MOST_TRIES = 2000
DATE_FORMATS = {"dmy": "%d/%m/%Y", "mdy": "%m/%d/%Y"}


def recalculated(group: SoldGroup, lines: Sequence[SoldLine]) -> tuple[Decimal, Decimal]:
    """Net and tax of a group as Xero will compute them from these lines."""
    nets = [line_net(line.quantity, line.unit_price) for line in lines]
    return exact_sum(nets), exact_sum(tax_of(net, group.rate) for net in nets)


def lines_of(group: SoldGroup) -> Sequence[SoldLine]:
    """The group's own lines where Xero comes to the same cents, else one line over all of them."""
    plain = all(_fits(line.quantity) and _fits(line.unit_price) for line in group.lines)
    if plain and group.lines and recalculated(group, group.lines) == (group.net, group.tax):
        return group.lines
    first = group.lines[0].description if group.lines else ""
    more = f" (+{len(group.lines) - 1})" if len(group.lines) > 1 else ""
    one = [_whole(first + more, group.net)]
    if recalculated(group, one) == (group.net, group.tax):
        return one
    return _in_two(first + more, group) or one


def _whole(description: str, net: Decimal) -> SoldLine:
    return SoldLine(description, Decimal(1), net, net)


def _in_two(description: str, group: SoldGroup) -> Sequence[SoldLine]:
    """Two lines whose taxes, each rounded, make up ours: a note that takes back a part may be a cent off the rate."""
    step = CENT if group.net > 0 else CENT.copy_negate()
    for count in range(1, MOST_TRIES):
        part = step * count
        lines = [_whole(description, part), _whole(description, group.net - part)]
        if recalculated(group, lines) == (group.net, group.tax):
            return lines
    return []


def _fits(value: Decimal) -> bool:
    return value == round_half_up(value, DIGITS)


def gaps(sale: Sale) -> Iterator[Gap]:
    """What keeps a document out of the file."""
    for group in sale.groups:
        if recalculated(group, lines_of(group)) != (group.net, group.tax):
            yield Gap(sale.number, f"Xero would round {group.net + group.tax} {sale.currency} otherwise")


def files(sales: Iterable[Sale], *, stem: str, dates: str) -> list[NamedFile]:
    """The files, 500 documents in each."""
    found = list(sales)
    parts = [found[place : place + MOST_INVOICES] for place in range(0, len(found), MOST_INVOICES)] or [[]]
    return [
        NamedFile(f"{stem}-{number:02d}.csv" if len(parts) > 1 else f"{stem}.csv", _content(part, dates))
        for number, part in enumerate(parts, start=1)
    ]


def _content(sales: Sequence[Sale], dates: str) -> bytes:
    target = io.StringIO(newline="")
    writer = csv.writer(target)
    writer.writerow(HEADER)
    for sale in sales:
        for group in sale.groups:
            for line in lines_of(group):
                writer.writerow(_row(sale, group, line, DATE_FORMATS[dates]))
    return target.getvalue().encode("utf-8-sig")


def _row(sale: Sale, group: SoldGroup, line: SoldLine, form: str) -> list[str]:
    address = [*sale.address, "", "", "", ""][:4]
    words = [safe_text(part) for part in (sale.customer, sale.email, *address, sale.city, sale.region)]
    return [
        *words, safe_text(sale.postal_code), safe_text(sale.country), safe_text(sale.number), safe_text(sale.reference),
        f"{sale.issued_on:{form}}", f"{sale.due_on:{form}}", f"{sale.gross:f}", "", safe_text(line.description),
        f"{line.quantity.normalize():f}", _price(line.unit_price), "", safe_text(group.account),
        safe_text(group.tax_name), f"{tax_of(line_net(line.quantity, line.unit_price), group.rate):f}",
        "", "", "", "", safe_text(sale.currency), "",
    ]  # fmt: skip


def _price(price: Decimal) -> str:
    digits = max(2, -int(price.normalize().as_tuple().exponent))
    return f"{price:.{digits}f}"
