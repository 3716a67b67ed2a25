"""QuickBooks Online's invoice CSV: at most 100 invoices, 1,000 rows and 2 MB in a file; no credit notes.

QuickBooks takes each line's amount as it stands and computes the tax once per rate on the sum, as we do. Custom
numbers must be switched on there, or it gives numbers of its own.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from crm.engine.amounts import exact_sum, round_half_up, tax_of
from crm.engine.bookfiles.values import Gap, NamedFile, Sale, SoldGroup, SoldLine
from crm.engine.bookfiles.xero import DATE_FORMATS
from hashinsight.common.exports import safe_text

HEADER = (
    "*InvoiceNo", "*Customer", "*InvoiceDate", "*DueDate", "Terms", "Location", "Memo", "Item(Product/Service)",
    "ItemDescription", "ItemQuantity", "ItemRate", "*ItemAmount", "*ItemTaxCode", "ItemTaxAmount", "Currency",
)  # fmt: skip
MOST_INVOICES, MOST_ROWS, MOST_BYTES = 100, 1000, 2 * 1024 * 1024
ITEM_DIGITS = 7


def gaps(sale: Sale) -> Iterator[Gap]:
    """What keeps a document out of the file."""
    for group in sale.groups:
        if group.tax != tax_of(group.net, group.rate) or group.net != round_half_up(group.net):
            yield Gap(sale.number, f"QuickBooks would round {group.net + group.tax} {sale.currency} otherwise")
    if sum(max(1, len(group.lines)) for group in sale.groups) > MOST_ROWS:
        yield Gap(sale.number, f"it has more than {MOST_ROWS} lines")


def files(sales: Iterable[Sale], *, stem: str, dates: str) -> list[NamedFile]:
    """The files, each within QuickBooks' limits."""
    parts: list[list[str]] = [[]]
    invoices = rows = size = 0
    for sale in sales:
        text, count = _rows(sale, DATE_FORMATS[dates])
        length = len(text.encode())
        full = invoices + 1 > MOST_INVOICES or rows + count > MOST_ROWS - 1 or size + length > MOST_BYTES - 1024
        if full and parts[-1]:
            parts.append([])
            invoices = rows = size = 0
        parts[-1].append(text)
        invoices, rows, size = invoices + 1, rows + count, size + length
    head = _line(HEADER)
    return [
        NamedFile(f"{stem}-{number:02d}.csv" if len(parts) > 1 else f"{stem}.csv", _joined(head, part))
        for number, part in enumerate(parts, start=1)
    ]


def _joined(head: str, part: Sequence[str]) -> bytes:
    return "".join((head, *part)).encode("utf-8-sig")


def _line(cells: Sequence[str]) -> str:
    target = io.StringIO(newline="")
    csv.writer(target).writerow(cells)
    return target.getvalue()


def _rows(sale: Sale, form: str) -> tuple[str, int]:
    found = []
    for group in sale.groups:
        lines = group.lines or [SoldLine("", Decimal(1), group.net, group.net)]
        for line, tax in zip(lines, _shares(group, lines), strict=True):
            found.append(_line(_cells(sale, group, line, tax, form)))
    return "".join(found), len(found)


def _shares(group: SoldGroup, lines: Sequence[SoldLine]) -> list[Decimal]:
    """The group's tax over its lines; what rounding leaves is on the last."""
    shares = [tax_of(line.net, group.rate) for line in lines[:-1]]
    return [*shares, exact_sum((group.tax, *(share.copy_negate() for share in shares)))]


def _cells(sale: Sale, group: SoldGroup, line: SoldLine, tax: Decimal, form: str) -> list[str]:
    plain = line.unit_price == round_half_up(line.unit_price, ITEM_DIGITS)
    quantity, price = (line.quantity, line.unit_price) if plain else (Decimal(1), round_half_up(line.net))
    return [
        safe_text(sale.number), safe_text(sale.customer), f"{sale.issued_on:{form}}", f"{sale.due_on:{form}}",
        "", "", safe_text(sale.reference), safe_text(group.account), safe_text(line.description),
        f"{quantity.normalize():f}", f"{price.normalize():f}", f"{round_half_up(line.net):f}",
        safe_text(group.tax_name), f"{tax:f}", safe_text(sale.currency),
    ]  # fmt: skip
