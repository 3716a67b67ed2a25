"""Dunning: who is reminded of what today, and the letters of it. Planning writes nothing; running writes the plan."""

import logging
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q
from django.utils.translation import gettext, override
from django.utils.translation import gettext as _

from crm.domain import invoicing
from crm.domain.queries import local_date
from crm.engine.interest import simple_interest
from crm.enums import CustomerStatus, InvoiceKind, TaxCategory
from crm.models import (
    Customer,
    Dispute,
    DunningHold,
    DunningItem,
    DunningLetter,
    DunningLevel,
    Invoice,
    InvoiceLine,
    LegalEntity,
    TaxCode,
)
from hashinsight.common.errors import DomainError
from hashinsight.common.ids import new_public_id
from hashinsight.common.money import exponent
from hashinsight.common.transitions import lock_row
from hashinsight.events.domain import publish
from hashinsight.jobs.domain.work import require_work

logger = logging.getLogger(__name__)
LETTER_WORK = "crm.send_dunning_letter"
Key = tuple[int, str]


class DunningRefused(DomainError):
    """The hold or dispute cannot be set like this."""

    code = "dunning_refused"


@dataclass(frozen=True)
class PlannedItem:
    """One invoice that will stand on a letter."""

    invoice: Any
    level: DunningLevel
    open_amount: Decimal
    days_late: int
    interest: Decimal


@dataclass(frozen=True)
class PlannedLetter:
    """One letter as it would go out."""

    customer: Customer
    legal_entity: LegalEntity
    currency: str
    on: date
    items: tuple[PlannedItem, ...]

    @property
    def level(self) -> DunningLevel:
        """The highest among its invoices: it sets the text and the fee."""
        return max((item.level for item in self.items), key=lambda level: level.level)

    @property
    def open_total(self) -> Decimal:
        """All that is asked for, without interest and fee."""
        return sum((item.open_amount for item in self.items), Decimal(0))

    @property
    def interest_total(self) -> Decimal:
        """Interest until the day of the letter."""
        return sum((item.interest for item in self.items), Decimal(0))

    @property
    def fee(self) -> Decimal:
        """The fee of the level; none in a currency it is not stated in."""
        return self.level.fee if self.currency == self.legal_entity.currency else Decimal(0)


def customers_due(at: datetime) -> list[tuple[int, date]]:
    """Customers with something late on their own calendar, each with their day."""
    latest = at.astimezone(UTC).date() + timedelta(days=1)  # no calendar is further ahead
    rows = (
        Invoice.objects.open()
        .filter(due_on__lt=latest, legal_entity__dunning_levels__is_active=True)
        .order_by("customer_id")
        .values_list("customer_id", "customer__time_zone")
        .distinct()
    )
    return [(customer_id, local_date(at, zone)) for customer_id, zone in rows]


def plan(customer: Customer, *, on: date) -> list[PlannedLetter]:
    """The letters this customer gets on a day; nothing is written.

    An invoice climbs one level at a time: the next level above the last one sent, once its days have passed. What is
    disputed is not asked for. Held invoices and customers get nothing, and so does a customer dunned that day.
    """
    if customer.status != CustomerStatus.ACTIVE or _held(customer, on).filter(invoice__isnull=True).exists():
        return []
    rows: Any = Invoice.objects.open().filter(customer=customer, due_on__lt=on).with_balance()
    rows = rows.select_related("legal_entity", "deal__customer", "deal__legal_entity")
    invoices = list(rows.order_by("due_on", "id"))
    ladder = _ladders({invoice.legal_entity_id for invoice in invoices})
    reached = _reached(invoices)
    disputed = dict(Dispute.objects.filter(invoice__in=invoices, closed_at=None).values_list("invoice_id", "amount"))
    held = set(_held(customer, on).filter(invoice__isnull=False).values_list("invoice_id", flat=True))
    found: dict[Key, list[PlannedItem]] = defaultdict(list)
    for invoice in invoices:
        level = _next_level(ladder[invoice.legal_entity_id], reached.get(invoice.pk, 0), (on - invoice.due_on).days)
        asked = invoice.outstanding - disputed.get(invoice.pk, Decimal(0))
        if level is not None and asked > 0 and invoice.pk not in held:
            found[invoice.legal_entity_id, invoice.currency].append(_item(invoice, level, asked, on))
    known = set(DunningLetter.objects.filter(customer=customer, dated_on=on).values_list("legal_entity_id", "currency"))
    return [
        PlannedLetter(customer, items[0].invoice.legal_entity, key[1], on, tuple(items))
        for key, items in sorted(found.items())
        if key not in known
    ]


@transaction.atomic
def dun_customer(customer_id: int, *, on: date, at: datetime) -> list[DunningLetter]:
    """Write the letters of one customer and day, all or none, and have them printed and sent after commit.

    The customer's row is locked, so two runs of a day find each other's letters; a run killed before its commit
    leaves nothing, one after it finds nothing left to do.
    """
    customer = Customer.objects.select_for_update(of=("self",)).get(pk=customer_id)
    return [_write(letter, at=at) for letter in plan(customer, on=on)]


def _write(planned: PlannedLetter, *, at: datetime) -> DunningLetter:
    customer, host = planned.customer, urlsplit(settings.BASE_URL).hostname or "localhost"
    letter = DunningLetter.objects.create(
        customer=customer,
        legal_entity=planned.legal_entity,
        dated_on=planned.on,
        level=planned.level.level,
        currency=planned.currency,
        language=customer.language,
        open_total=planned.open_total,
        interest_total=planned.interest_total,
        fee=planned.fee,
        text=planned.level.text_in(customer.language),
        recipient=customer.invoice_email,
        message_id=f"<{new_public_id()}@{host}>",
        is_sample=any(item.invoice.is_sample for item in planned.items),
        created_at=at,
    )
    DunningItem.objects.bulk_create(
        DunningItem(
            letter=letter, invoice=item.invoice, level=item.level.level, open_amount=item.open_amount,
            days_late=item.days_late, interest=item.interest,
        )
        for item in planned.items
    )  # fmt: skip
    _publish(letter)
    require_work(LETTER_WORK, key=str(letter.pk), payload={"letter_id": letter.pk}, at=at)
    if letter.fee:
        letter.fee_invoice = _fee_draft(letter, planned, at=at)
        letter.save(update_fields=["fee_invoice"])
    return letter


def _publish(letter: DunningLetter) -> None:
    publish(
        "customer.dunned",
        aggregate_type="customer",
        aggregate_id=letter.customer.public_id,
        customer_id=letter.customer.pk,
        payload={
            "customer_id": str(letter.customer.public_id),
            "letter_id": str(letter.public_id),
            "level": letter.level,
            "open_total": format(letter.open_total, "f"),
            "currency": letter.currency,
        },
    )


def _fee_draft(letter: DunningLetter, planned: PlannedLetter, *, at: datetime) -> Invoice | None:
    """The fee as a draft a person issues or withdraws; damages, so outside of VAT where such a tax code is kept.

    None where no invoice on the letter has a deal to bill it under, or where the draft cannot be reckoned.
    """
    billed = next((item.invoice for item in planned.items if item.invoice.deal_id), None)
    if billed is None:
        return None
    with override(letter.language):
        words = gettext("Reminder fee, level %(level)s") % {"level": letter.level}
    try:
        with transaction.atomic():
            draft = invoicing.new_draft(billed.deal, at=at)
            draft.kind, draft.legal_entity = InvoiceKind.USAGE, letter.legal_entity
            draft.currency = letter.currency
            draft.save()
            untaxed = TaxCode.objects.filter(category=TaxCategory.NOT_SUBJECT, is_active=True).order_by("id").first()
            line = InvoiceLine(description=words, quantity=1, unit_price=letter.fee, tax_code=untaxed)
            return invoicing.set_lines(draft, lines=[line], on=planned.on)
    except DomainError as refusal:
        logger.warning("no draft for the fee of reminder %s: %s", letter.pk, refusal)
        return None


@transaction.atomic
def resend(letter: DunningLetter, *, recipient: str, at: datetime) -> None:
    """E-mail the stored letter once more: the same document, a message of its own. Raises DunningRefused."""
    locked = lock_row(letter)
    if locked.content is None or locked.is_sample or not recipient:
        raise DunningRefused(_("Only a stored letter that is no sample is sent, to an address."))
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    message = new_public_id()
    require_work(
        LETTER_WORK,
        key=f"{locked.pk}:{message}",
        payload={"letter_id": locked.pk, "recipient": recipient, "message_id": f"<{message}@{host}>"},
        at=at,
    )


def still_owed(letter: DunningLetter) -> bool:
    """Whether anything on the letter is still open: who has paid meanwhile is not reminded."""
    invoices = Invoice.objects.open().filter(dunning_items__letter=letter).with_balance()
    return bool(invoices.filter(outstanding__gt=0).exists())


@transaction.atomic
def store_letter(letter: DunningLetter, *, content: bytes, sha256: str) -> DunningLetter:
    """Keep the PDF; a second rendering changes nothing."""
    locked = lock_row(letter)
    if locked.content is None:
        locked.content, locked.sha256 = content, sha256
        locked.save(update_fields=["content", "sha256"])
    return locked


def mark_sent(letter: DunningLetter, *, at: datetime) -> bool:
    """The mail server has taken it; never for sample data."""
    waiting = DunningLetter.objects.filter(pk=letter.pk, sent_at__isnull=True, is_sample=False)
    return waiting.update(sent_at=at) == 1


@transaction.atomic
def hold(customer: Customer, *, invoice: Invoice | None, until: date, reason: str, at: datetime) -> DunningHold:
    """No reminders until a day (included). Raises DunningRefused for a foreign invoice or without a reason."""
    if not reason.strip():
        raise DunningRefused(_("State the reason."))
    if invoice is not None and invoice.customer_id != customer.pk:
        raise DunningRefused(_("%(invoice)s is not of this customer.") % {"invoice": invoice})
    return DunningHold.objects.create(
        customer=customer, invoice=invoice, until=until, reason=reason.strip(), created_at=at
    )


@transaction.atomic
def dispute(invoice: Invoice, *, amount: Decimal, reason: str, by: Any, at: datetime) -> Dispute:
    """Note that the customer denies owing an amount. Raises DunningRefused above what is open, or a second time."""
    locked = lock_row(invoice)
    balance: Any = Invoice.objects.with_balance().get(pk=locked.pk)
    if not locked.is_issued or locked.is_credit_note or not 0 < amount <= balance.outstanding:
        raise DunningRefused(_("At most the open amount of an invoice can be disputed."))
    if not reason.strip():
        raise DunningRefused(_("State the reason."))
    if locked.disputes.filter(closed_at=None).exists():
        raise DunningRefused(_("%(invoice)s is disputed already.") % {"invoice": locked})
    return Dispute.objects.create(
        invoice=locked, amount=amount, reason=reason.strip(), opened_by=by, opened_at=at, created_at=at
    )


@transaction.atomic
def close_dispute(open_one: Dispute, *, outcome: str, by: Any, at: datetime) -> Dispute:
    """Settle a dispute: from now on the amount is asked for again. Raises DunningRefused when it is closed."""
    locked = lock_row(open_one)
    if locked.closed_at is not None or not outcome.strip():
        raise DunningRefused(_("Only an open dispute is closed, with its outcome."))
    locked.closed_by, locked.closed_at, locked.outcome = by, at, outcome.strip()
    locked.save(update_fields=["closed_by", "closed_at", "outcome"])
    return locked.reload()


def _held(customer: Customer, on: date) -> Any:
    return DunningHold.objects.filter(Q(customer=customer), until__gte=on)


def _ladders(entities: set[int]) -> dict[int, list[DunningLevel]]:
    ladders: dict[int, list[DunningLevel]] = defaultdict(list)
    for level in DunningLevel.objects.filter(legal_entity_id__in=entities, is_active=True).order_by("level"):
        ladders[level.legal_entity_id].append(level)
    return ladders


def _reached(invoices: list[Any]) -> dict[int, int]:
    rows = DunningItem.objects.filter(invoice__in=invoices).order_by().values_list("invoice_id")
    return dict(rows.annotate(Max("level")))


def _next_level(ladder: list[DunningLevel], reached: int, days_late: int) -> DunningLevel | None:
    """The rung above the one reached, if its days have passed."""
    above = [level for level in ladder if level.level > reached]
    return above[0] if above and days_late >= max(1, above[0].days_after_due) else None


def _item(invoice: Any, level: DunningLevel, asked: Decimal, on: date) -> PlannedItem:
    days = (on - invoice.due_on).days
    interest = simple_interest(
        asked, percent_per_year=level.interest_percent, days=days, digits=exponent(invoice.currency)
    )
    return PlannedItem(invoice, level, asked, days, interest)
