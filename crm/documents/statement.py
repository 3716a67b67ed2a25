"""The statement of account as PDF/A-3b, in the style of the invoices, and as CSV; both in the customer's language."""

from decimal import Decimal
from typing import Any

from django.template.loader import render_to_string
from django.utils.translation import gettext, gettext_lazy, override

from crm.documents import formats
from crm.documents.fonts import printable
from crm.documents.letterhead import address, bank_of, head_of
from crm.documents.render import pdf_from_html
from crm.domain.ledger.statement import Statement, StatementLine
from crm.engine.ageing import Aged, bucket_words
from crm.models import LegalEntity
from hashinsight.common.exports import Column, csv_lines
from hashinsight.common.money import exponent

TEMPLATE = "crm/documents/statement.html"
TEMPLATE_VERSION = "statement-1"
MOST_FIGURES = 12  # characters of an amount that fit its column; longer ones are set smaller


def file_name(statement: Statement) -> str:
    """Without its ending."""
    return f"statement-{statement.customer.code}-{statement.currency}-{statement.first}-{statement.last}"


def render_statement(statement: Statement, seller: LegalEntity) -> bytes:
    """The statement as PDF."""
    return pdf_from_html(render_statement_html(statement, seller))


def render_statement_html(statement: Statement, seller: LegalEntity) -> str:
    """The statement as HTML without its stylesheet."""
    with override(statement.customer.language):
        return str(render_to_string(TEMPLATE, _context(statement, seller)))


def _context(statement: Statement, seller: LegalEntity) -> dict[str, Any]:
    buyer, currency = statement.customer, statement.currency
    language, digits = buyer.language, exponent(currency)

    def figure(value: Decimal) -> str:
        return formats.number(value, language, decimals=digits)

    def money(value: Decimal) -> str:
        return formats.money(value, currency, language, decimals=digits)

    rows = [_row(line, language, figure) for line in statement.lines]
    widest = max(len(figure(amount)) for amount in (statement.opening, statement.closing, statement.debits))
    owes = statement.closing >= 0
    return {
        **head_of(seller, language),
        "template_version": TEMPLATE_VERSION,
        "document_name": gettext("Statement of account"),
        "dated_on": statement.last,
        "buyer_lines": address(buyer, buyer.company_name, language),
        "facts": [
            (gettext("Period"), formats.period(statement.first, statement.last, language)),
            (gettext("Customer number"), buyer.code),
            (gettext("Currency"), currency),
        ],
        "currency": currency,
        "dense": max([widest, *(len(row["balance"]) for row in rows)]) > MOST_FIGURES,
        "first": formats.day(statement.first, language),
        "opening": figure(statement.opening),
        "rows": rows,
        "debits": money(statement.debits),
        "credits": money(statement.credits),
        "closing_label": gettext("Closing balance, owed by you") if owes else gettext("Closing balance in your favour"),
        "closing": money(abs(statement.closing)),
        "items": [_item(item, language, figure) for item in statement.items],
        "buckets": buckets(statement.ageing, figure),
        "bank": bank_of(seller) if statement.closing > 0 else [],
    }


def buckets(ageing: Aged, figure: Any) -> list[tuple[str, str]]:
    """Words and amounts of the ages."""
    return [(word, figure(amount)) for word, amount in zip(bucket_titles(), ageing.amounts, strict=True)]


def bucket_titles() -> list[str]:
    """``not due``, ``1–30 days late`` …; in the language in force."""
    return [
        gettext("Not due") if words is None
        else gettext("%(first)s–%(last)s days late") % {"first": words[0], "last": words[1]} if words[1]
        else gettext("Over %(days)s days late") % {"days": words[0] - 1}
        for words in bucket_words()
    ]  # fmt: skip


def _row(line: StatementLine, language: str, figure: Any) -> dict[str, str]:
    named = (line.text,) if line.invoice in line.text else (line.invoice, line.text)
    detail = " · ".join(text for text in named if text)
    if line.moved:
        moved = gettext("%(amount)s moved between credit and invoice") % {"amount": figure(line.moved)}
        detail = f"{detail} · {moved}" if detail else moved
    return {
        "day": formats.day(line.posted_on, language),
        "label": line.label[:1].upper() + line.label[1:],
        "detail": printable(detail),
        "debit": figure(line.debit) if line.debit else "",
        "credit": figure(line.credit) if line.credit else "",
        "balance": figure(line.balance),
    }


def _item(item: Any, language: str, figure: Any) -> dict[str, str]:
    return {
        "number": item.number,
        "issued_on": formats.day(item.issued_on, language),
        "due_on": formats.day(item.due_on, language),
        "open": figure(item.amount),
    }


def statement_csv(statement: Statement) -> bytes:
    """Opening balance, every movement, closing balance; what people typed cannot start a formula."""
    digits = exponent(statement.currency)

    def amount(value: Decimal | None) -> Decimal | None:
        return None if value is None else round(value, digits)

    with override(statement.customer.language):
        first = (statement.first, gettext("Opening balance"), "", "", None, None, statement.opening)
        last = (
            statement.last, gettext("Closing balance"), "", "", statement.debits, statement.credits, statement.closing,
        )  # fmt: skip
        lines = [
            (line.posted_on, line.label, line.invoice, line.text, line.debit, line.credit, line.balance)
            for line in statement.lines
        ]
        columns = (
            Column(gettext_lazy("date"), lambda row: row[0], "date"),
            Column(gettext_lazy("kind"), lambda row: row[1]),
            Column(gettext_lazy("invoice"), lambda row: row[2]),
            Column(gettext_lazy("text"), lambda row: row[3]),
            Column(gettext_lazy("charged"), lambda row: amount(row[4]), "number"),
            Column(gettext_lazy("paid or credited"), lambda row: amount(row[5]), "number"),
            Column(gettext_lazy("balance"), lambda row: amount(row[6]), "number"),
            Column(gettext_lazy("currency"), lambda _row: statement.currency),
        )
        return "".join(csv_lines(columns, [first, *lines, last])).encode()
