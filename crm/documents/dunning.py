"""The letter of a reminder as PDF/A-3b, in the style of the invoices."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django.template.loader import render_to_string
from django.utils.translation import gettext, override

from crm.documents import formats
from crm.documents.fonts import printable
from crm.documents.letterhead import address, bank_of, head_of
from crm.documents.render import pdf_from_html
from crm.models import DunningLetter
from hashinsight.common.money import exponent

TEMPLATE = "crm/documents/dunning.html"
TEMPLATE_VERSION = "dunning-1"


def letter_name(letter: DunningLetter) -> str:
    """``Payment reminder`` first, ``Dunning letter 2`` from the second level on; in the language in force."""
    if letter.level == 1:
        return gettext("Payment reminder")
    return gettext("Dunning letter %(level)s") % {"level": letter.level}


def render_letter(letter: DunningLetter) -> bytes:
    """The letter as PDF."""
    return pdf_from_html(render_letter_html(letter))


def render_letter_html(letter: DunningLetter) -> str:
    """The letter as HTML without its stylesheet."""
    with override(letter.language):
        return str(render_to_string(TEMPLATE, _context(letter)))


def _context(letter: DunningLetter) -> dict[str, Any]:
    seller, buyer, language = letter.legal_entity, letter.customer, letter.language

    def money(value: Any) -> str:
        return formats.money(value, letter.currency, language, decimals=exponent(letter.currency))

    totals = [(gettext("Open invoices"), money(letter.open_total))]
    if letter.interest_total:
        totals.append((gettext("Interest until today"), money(letter.interest_total)))
    if letter.fee:
        totals.append((gettext("Reminder fee"), money(letter.fee)))
    return {
        **head_of(seller, language),
        "template_version": TEMPLATE_VERSION,
        "document_name": letter_name(letter),
        "letter": letter,
        "buyer_lines": address(buyer, buyer.company_name, language),
        "facts": [
            (gettext("Date"), formats.day(letter.dated_on, language)),
            (gettext("Customer number"), buyer.code),
        ],
        "text": printable(letter.text).splitlines(),
        "rows": _rows(letter, money),
        "totals": totals,
        "total": money(letter.open_total + letter.interest_total + letter.fee),
        "bank": bank_of(seller),
    }


def _rows(letter: DunningLetter, money: Callable[[Any], str]) -> list[dict[str, Any]]:
    language = letter.language
    return [
        {
            "number": item.invoice.number,
            "issued_on": _day(item.invoice.issued_on, language),
            "due_on": _day(item.invoice.due_on, language),
            "days": item.days_late,
            "level": item.level,
            "open": money(item.open_amount),
        }
        for item in letter.items.select_related("invoice").order_by("invoice__due_on", "id")
    ]


def _day(day: date | None, language: str) -> str:
    return formats.day(day, language) if day else ""
