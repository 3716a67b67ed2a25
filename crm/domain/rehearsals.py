"""Doing something for show: the real move in a transaction that is taken back, so that what is shown is what comes.

The numbers, totals and refusals are those of the real functions; nothing of it is kept, no message leaves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from crm.domain import second_person
from crm.domain.issuing import credit_invoice, issue_invoice
from crm.models import CustomerCredit, Invoice, InvoiceLine


@dataclass(frozen=True)
class IssueRehearsal:
    """A document as it would be issued now."""

    invoice: Invoice
    lines: list[InvoiceLine]


@dataclass(frozen=True)
class CreditRehearsal:
    """A credit note as it would be issued now, and the invoice with its balance before and after."""

    note: Invoice
    lines: list[InvoiceLine]
    before: Any
    after: Any


def rehearse_issue(invoice: Invoice, *, by: Any, on: date, at: datetime) -> IssueRehearsal:
    """What issuing would make of the draft; raises what issuing would raise."""
    with transaction.atomic():
        issued = issue_invoice(invoice, by=by, on=on, at=at, send=False)
        lines = list(issued.lines.select_related("product"))
        transaction.set_rollback(True)
    return IssueRehearsal(issued, lines)


def rehearse_credit(
    invoice: Invoice, *, by: Any, on: date, at: datetime, quantities: Mapping[int, Decimal] | None
) -> CreditRehearsal:
    """What crediting would make; raises what crediting would raise."""
    before = Invoice.objects.with_balance().get(pk=invoice.pk)
    with second_person.for_show():
        note = credit_invoice(invoice, by=by, on=on, at=at, reason="–", quantities=quantities, send=False)
        lines = list(note.lines.all())
        after = Invoice.objects.with_balance().get(pk=invoice.pk)
    return CreditRehearsal(note, lines, before, after)


@dataclass(frozen=True)
class Standing:
    """What an invoice owes and what is left of a credit, where the act has to do with one."""

    invoice: Any
    credit: Any


def rehearse_money(
    act: Callable[[], Any], *, invoice: Invoice | None, credit: CustomerCredit | None
) -> tuple[Standing, Standing]:
    """How invoice and credit stand before and after an act on money; raises what the act would raise."""
    before = _standing(invoice, credit)
    with second_person.for_show():
        act()
        after = _standing(invoice, credit)
    return before, after


def _standing(invoice: Invoice | None, credit: CustomerCredit | None) -> Standing:
    return Standing(
        invoice=Invoice.objects.with_balance().get(pk=invoice.pk) if invoice else None,
        credit=CustomerCredit.objects.with_balance().get(pk=credit.pk) if credit else None,
    )
