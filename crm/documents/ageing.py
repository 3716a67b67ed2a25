"""Receivables by age as PDF/A-3b and as CSV."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.template.loader import render_to_string
from django.utils.translation import gettext, gettext_lazy, override

from crm.documents import formats
from crm.documents.fonts import printable
from crm.documents.letterhead import head_of
from crm.documents.render import pdf_from_html
from crm.documents.statement import bucket_titles
from crm.domain.ledger.ageing import CurrencyTotal, Receivable, totals
from crm.models import LegalEntity
from hashinsight.common.exports import Column, csv_lines
from hashinsight.common.money import exponent

TEMPLATE = "crm/documents/ageing.html"
TEMPLATE_VERSION = "ageing-1"


def render_ageing(
    rows: Sequence[Receivable],
    *,
    on: date,
    seller: LegalEntity,
    companies: Sequence[LegalEntity],
    language: str,
    disputes: bool,
) -> bytes:
    """The list as PDF under the letterhead of ``seller``; it says which ``companies`` it is about (none: all)."""
    with override(language):
        context = _context(rows, on, seller, companies=companies, language=language, disputes=disputes)
        markup = str(render_to_string(TEMPLATE, context))
    return pdf_from_html(markup)


def _context(
    rows: Sequence[Receivable],
    on: date,
    seller: LegalEntity,
    *,
    companies: Sequence[LegalEntity],
    language: str,
    disputes: bool,
) -> dict[str, Any]:
    return {
        **head_of(seller, language),
        "template_version": TEMPLATE_VERSION,
        "document_name": gettext("Receivables by age"),
        "dated_on": on,
        "intro": printable(_intro(formats.day(on, language), [one.name for one in companies])),
        "heads": titles(disputes=disputes),
        "tables": [_table(rows, total, language, disputes=disputes) for total in totals(rows)],
    }


def _intro(day: str, names: Sequence[str]) -> str:
    if not names:
        return gettext("At the end of %(day)s, all legal entities.") % {"day": day}
    if len(names) == 1:
        return gettext("At the end of %(day)s, %(entity)s.") % {"day": day, "entity": names[0]}
    text = gettext("At the end of %(day)s. The amounts are those of several of our companies together: %(entities)s.")
    return text % {"day": day, "entities": ", ".join(names)}


def titles(*, disputes: bool) -> list[str]:
    """Headings of the columns of figures; in the language in force."""
    return [
        *bucket_titles(), gettext("Total"), *([gettext("Of it disputed")] if disputes else []), gettext("Held by us"),
        gettext("Net"),
    ]  # fmt: skip


def figures_of(row: Receivable | CurrencyTotal, *, disputes: bool) -> list[Decimal]:
    """The figures of a row, in the order of the headings."""
    disputed = [row.disputed or Decimal(0)] if disputes else []
    return [*row.ageing.amounts, row.ageing.total, *disputed, row.held, row.net]


def _table(rows: Sequence[Receivable], total: CurrencyTotal, language: str, *, disputes: bool) -> dict[str, Any]:
    digits = exponent(total.currency)

    def shown(row: Receivable | CurrencyTotal) -> list[str]:
        return [
            formats.number(value, language, decimals=digits) if value else "–"
            for value in figures_of(row, disputes=disputes)
        ]

    return {
        "currency": total.currency,
        "rows": [
            {"name": printable(row.customer.company_name), "code": row.customer.code, "amounts": shown(row)}
            for row in rows
            if row.currency == total.currency
        ],
        "total": shown(total),
    }


def ageing_columns(*, disputes: bool) -> tuple[Column, ...]:
    """The columns of the file: whose, which currency, and a figure per age."""

    def figure(place: int) -> Any:
        return lambda row: round(figures_of(row, disputes=disputes)[place], exponent(row.currency))

    return (
        Column(gettext_lazy("customer"), lambda row: row.customer.company_name),
        Column(gettext_lazy("customer number"), lambda row: row.customer.code),
        Column(gettext_lazy("currency"), lambda row: row.currency),
        *(Column(title, figure(place), "number") for place, title in enumerate(titles(disputes=disputes))),
    )


def ageing_csv(rows: Sequence[Receivable], *, language: str, disputes: bool) -> bytes:
    """A row per customer and currency; what people typed cannot start a formula."""
    with override(language):
        return "".join(csv_lines(ageing_columns(disputes=disputes), rows)).encode()
