"""The words on the page: turns document data into the plain strings the template places."""

from base64 import b64encode
from dataclasses import fields, is_dataclass, replace
from typing import Any

from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext, pgettext

from crm.documents import formats
from crm.documents.data import BankDetails, DocumentData, DocumentLine, Party
from crm.documents.fonts import printable

# Raised whenever template, stylesheet or fonts change what is drawn; stored with each rendered document.
TEMPLATE_VERSION = "invoice-2"
TEMPLATE = "crm/documents/invoice.html"

MM_PER_FIGURE = 1.9  # a tabular figure of Inter at the size of the table of lines
MM_PER_DENSE_FIGURE = 1.5
MM_PER_TOTAL_FIGURE = 2.7
COLUMN_GAP_MM = 3.0
MOST_FIGURES_MM = 115.0  # of the 165 mm of a row; the rest is the description's
LONG_DESCRIPTION = 500  # characters or 50 per line break: beyond, a row may continue on the next page
SHORT_WORDS = 220  # characters: two texts up to here stand side by side

Facts = list[tuple[str, str]]


def render_html(data: DocumentData) -> str:
    """The document as HTML without its stylesheet; the only thing it refers to is the logo inside it."""
    clean: DocumentData = _printable_copy(data)
    with translation.override(clean.language):
        return render_to_string(TEMPLATE, _context(clean))


def _printable_copy(value: Any) -> Any:
    """The same data with each text made printable, all the way down."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, tuple):
        return tuple(_printable_copy(item) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        old = {field.name: getattr(value, field.name) for field in fields(value)}
        new = {name: _printable_copy(item) for name, item in old.items()}
        changed = {name: item for name, item in new.items() if item is not old[name]}
        return replace(value, **changed) if changed else value
    return value


def _context(data: DocumentData) -> dict[str, Any]:
    title = _title(data)
    name = " ".join(filter(None, (title, data.shown_number)))
    lines = [_line(data, line) for line in data.lines]
    gross = _money(data, data.totals.gross)
    words = _shown([(gettext("Payment terms"), data.payment_terms), (gettext("Notes"), data.notes)])
    return {
        "data": data,
        "language": data.language,
        "template_version": TEMPLATE_VERSION,
        "title": title,
        "document_name": name,
        "logo": _logo(data),
        "sender_line": " · ".join((data.seller.name, *data.seller.address_lines)),
        "buyer_lines": _address(data.buyer),
        "facts": _facts(data),
        "lines": lines,
        **_layout(lines, gross),
        "tax_groups": _tax_groups(data),
        "exemptions": _exemptions(data),
        "net": _money(data, data.totals.net),
        "tax": _money(data, data.totals.tax),
        "gross": gross,
        "total_label": gettext("Total credit") if data.kind == "credit_note" else gettext("Total amount"),
        "payment": _payment(data),
        "words": words,
        "words_are_short": len(words) == 2 and all(len(text) <= SHORT_WORDS for _, text in words),
        "due_on": formats.day(data.due_on, data.language) if data.due_on else "",
        "footer": _footer(data),
        "watermark": pgettext("watermark", "DRAFT") if data.draft else "",
    }


def _title(data: DocumentData) -> str:
    if data.kind == "credit_note":
        return gettext("Draft credit note") if data.draft else gettext("Credit note")
    return gettext("Draft invoice") if data.draft else gettext("Invoice")


def _logo(data: DocumentData) -> str:
    if data.logo is None:
        return ""
    return f"data:{data.logo.mime};base64,{b64encode(data.logo.content).decode()}"


def _money(data: DocumentData, value: Any) -> str:
    return formats.money(value, data.currency, data.language, decimals=data.currency_exponent)


def _address(party: Party) -> list[str]:
    return [text for text in (party.name, *party.address_lines, party.country) if text]


def _shown(facts: Facts) -> Facts:
    return [(label, text) for label, text in facts if text]


def _facts(data: DocumentData) -> Facts:
    """The block beside the address: what the document is, for when, and the ids bookkeepers look for."""
    language = data.language
    numbers = {"invoice": gettext("Invoice number"), "credit_note": gettext("Credit note number")}
    corrected = data.corrects_number
    return _shown(
        [
            (gettext("Draft reference") if data.draft else numbers[data.kind], data.shown_number),
            (gettext("Date of issue"), formats.day(data.issued_on, language)),
            (gettext("Corrects invoice"), corrected),
            (
                gettext("Invoice date"),
                formats.day(data.corrects_issued_on, language) if data.corrects_issued_on else "",
            ),
            (gettext("Service period"), formats.period(data.service_from, data.service_to, language)),
            (gettext("Customer number"), data.customer_number),
            (gettext("Order reference"), data.order_reference),
            (gettext("Your VAT ID"), data.buyer.vat_id),
            (gettext("Your tax number"), data.buyer.tax_id),
            (gettext("Your register number"), data.buyer.registration_number),
        ]
    )


def _line(data: DocumentData, line: DocumentLine) -> dict[str, Any]:
    language, decimals = data.language, data.currency_exponent
    differs = (line.service_from, line.service_to) != (data.service_from, data.service_to)
    return {
        "position": str(line.position),
        "description": line.description,
        "long": len(line.description) + 50 * line.description.count("\n") > LONG_DESCRIPTION,
        "service": formats.period(line.service_from, line.service_to, language) if differs else "",
        "quantity": formats.number(line.quantity, language, decimals=0),
        "unit": formats.unit(line.unit_code, line.quantity),
        "unit_price": formats.number(line.unit_price, language, decimals=decimals),
        "tax_rate": formats.percent(line.tax_rate, language),
        "net": formats.number(line.net, language, decimals=decimals),
    }


def _column_widths(lines: list[dict[str, Any]], mm_per_figure: float) -> dict[str, float]:
    """Millimetres of the columns of figures by their longest text; the description takes the rest.

    Known widths spare the layout a second look at every cell, which counts on documents of many pages.
    """
    least = {
        "position": 7.0,
        "quantity": 19.0,
        "unit": 13.0,
        "unit_price": 21.0,
        "tax_rate": 12.0,
        "net": 23.0,
    }
    widths = {}
    for name, minimum in least.items():
        longest = max((len(line[name]) for line in lines), default=0)
        widths[name] = max(minimum, round(longest * mm_per_figure + COLUMN_GAP_MM, 1))
    return widths


def _layout(lines: list[dict[str, Any]], gross: str) -> dict[str, Any]:
    """Column widths of both tables of figures; huge numbers are set smaller so that words keep their room."""
    widths = _column_widths(lines, MM_PER_FIGURE)
    dense = sum(widths.values()) > MOST_FIGURES_MM
    if dense:
        widths = _column_widths(lines, MM_PER_DENSE_FIGURE)
    order = ("position", "", "quantity", "unit", "unit_price", "tax_rate", "net")
    return {
        "dense": dense,
        "widths": [f"{widths[name]}mm" if name else "auto" for name in order],
        "total_width": f"{max(38.0, round(len(gross) * MM_PER_TOTAL_FIGURE, 1))}mm",
    }


def _tax_groups(data: DocumentData) -> list[dict[str, str]]:
    return [
        {
            "label": formats.tax_label(group.category, group.rate, data.language),
            "basis": _money(data, group.basis),
            "tax": _money(data, group.tax),
        }
        for group in data.totals.breakdown
    ]


def _exemptions(data: DocumentData) -> list[str]:
    texts = (formats.exemption(group.category, group.exemption_reason) for group in data.totals.breakdown)
    return list(dict.fromkeys(filter(None, texts)))


def _payment(data: DocumentData) -> Facts:
    bank = data.bank or BankDetails()
    return _shown(
        [
            (gettext("Account holder"), bank.account_holder or (data.seller.name if bank.iban else "")),
            (gettext("IBAN"), formats.iban(bank.iban)),
            (gettext("BIC"), bank.bic),
            (gettext("Bank"), bank.bank),
            (gettext("Payment reference"), data.number),
        ]
    )


def _footer(data: DocumentData) -> list[list[str]]:
    """Columns of the legal entity's particulars: who, how to reach, which registers, which account."""
    seller, bank = data.seller, data.bank or BankDetails()
    registers = [(gettext("VAT ID"), seller.vat_id), (gettext("Tax number"), seller.tax_id)]
    account = [(gettext("IBAN"), formats.iban(bank.iban)), (gettext("BIC"), bank.bic)]
    columns = [
        _address(seller),
        [seller.email, seller.phone],
        [*(f"{label} {text}" for label, text in _shown(registers)), seller.registration_number],
        [bank.bank, *(f"{label} {text}" for label, text in _shown(account))],
    ]
    return [texts for column in columns if (texts := [text for text in column if text])]
