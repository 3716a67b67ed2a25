"""Tickets: what somebody needs from us, with a clock; and the times we promise."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from crm.models.fields import NameField
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.scoping import ScopedQuerySet
from hosting.enums import TicketKind, TicketPriority, TicketStatus

DONE = (TicketStatus.RESOLVED, TicketStatus.CLOSED)


@tracked()
class ServiceLevel(BaseModel):
    """How soon tickets of a priority are answered and resolved, counted around the clock."""

    priority = models.CharField(_("priority"), max_length=16, choices=TicketPriority.choices, unique=True)
    respond_minutes = models.PositiveIntegerField(
        _("answered within (minutes)"), validators=[MinValueValidator(1), MaxValueValidator(525_600)]
    )
    resolve_minutes = models.PositiveIntegerField(
        _("resolved within (minutes)"), validators=[MinValueValidator(1), MaxValueValidator(525_600)]
    )

    class Meta:
        verbose_name = _("service level")
        verbose_name_plural = _("service levels")
        constraints = [
            models.CheckConstraint(condition=Q(priority__in=TicketPriority.values), name="hosting_level_known"),
            models.CheckConstraint(
                condition=Q(respond_minutes__gte=1, resolve_minutes__gte=F("respond_minutes")),
                name="hosting_level_order",
                violation_error_message=_("Nothing is resolved before it is answered."),
            ),
        ]

    def __str__(self) -> str:
        return self.get_priority_display()


class TicketQuerySet(ScopedQuerySet):
    """Tickets; clients see own ones, apart from those we keep to ourselves."""

    scope_path = "customer_id"
    scope_filter = {"client_visible": True}

    def unfinished(self) -> Self:
        """What still needs a hand."""
        return self.exclude(status__in=DONE)


@tracked()
class Ticket(BaseModel):
    """Something somebody needs from us, or that we must do ourselves.

    open         nobody has it yet
    assigned     somebody has it and has not begun
    in_progress  somebody works on it
    resolved     done, as we see it; the client may say no
    closed       over

    The clock of the promise stands still while we wait for the client (``waiting_since``).
    """

    number = models.PositiveIntegerField(_("number"), editable=False)
    customer = models.ForeignKey(
        "crm.Customer",
        verbose_name=_("customer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="tickets",
        help_text=_("Empty: our own."),
    )
    site = models.ForeignKey(
        "hosting.Site", verbose_name=_("site"), null=True, blank=True, on_delete=models.PROTECT, related_name="tickets"
    )
    miners = models.ManyToManyField(
        "hosting.Miner", verbose_name=_("miners"), through="hosting.TicketMiner", related_name="tickets", blank=True
    )
    kind = models.CharField(_("kind"), max_length=50, choices=TicketKind.choices, default=TicketKind.OTHER)
    priority = models.CharField(
        _("priority"), max_length=20, choices=TicketPriority.choices, default=TicketPriority.MEDIUM
    )
    status = models.CharField(
        _("status"), max_length=20, choices=TicketStatus.choices, default=TicketStatus.OPEN, editable=False
    )
    subject = NameField(_("subject"), max_length=200)
    description = models.TextField(_("description"), max_length=10_000, blank=True, default="")
    client_visible = models.BooleanField(
        _("visible to the client"), default=True, help_text=_("Without it the ticket stays among us.")
    )
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("opened by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
    )
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("assigned to"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
    )
    responded_at = models.DateTimeField(_("answered at"), null=True, blank=True, editable=False)
    resolved_at = models.DateTimeField(_("resolved at"), null=True, blank=True, editable=False)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True, editable=False)
    respond_due_at = models.DateTimeField(_("answer due"), null=True, blank=True, editable=False)
    resolve_due_at = models.DateTimeField(_("resolution due"), null=True, blank=True, editable=False)
    waiting_since = models.DateTimeField(_("waiting for the client since"), null=True, blank=True, editable=False)
    reopened = models.PositiveSmallIntegerField(_("times reopened"), default=0, editable=False)
    resolution = models.TextField(_("resolution"), blank=True, default="", editable=False)

    objects = TicketQuerySet.as_manager()

    class Meta:
        verbose_name = _("ticket")
        verbose_name_plural = _("tickets")
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "number"], condition=Q(client_visible=True), name="hosting_ticket_number_once"
            ),
            models.UniqueConstraint(
                fields=["number"], condition=Q(client_visible=False), name="hosting_ticket_internal_number_once"
            ),
            models.CheckConstraint(
                condition=Q(client_visible=False) | Q(customer__isnull=False),
                name="hosting_ticket_visible_has_customer",
                violation_error_message=_("Only a ticket of a customer can be visible to the client."),
            ),
            models.CheckConstraint(condition=Q(status__in=TicketStatus.values), name="hosting_ticket_status_known"),
            models.CheckConstraint(condition=Q(kind__in=TicketKind.values), name="hosting_ticket_kind_known"),
            models.CheckConstraint(
                condition=Q(priority__in=TicketPriority.values), name="hosting_ticket_priority_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=DONE, resolved_at__isnull=False)
                | (~Q(status__in=DONE) & Q(resolved_at__isnull=True)),
                name="hosting_ticket_resolved_when_done",
            ),
            models.CheckConstraint(
                condition=Q(status="closed", closed_at__isnull=False)
                | (~Q(status="closed") & Q(closed_at__isnull=True)),
                name="hosting_ticket_closed_when_closed",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="hosting_ticket_created"),
            models.Index(fields=["customer", "-created_at", "-id"], name="hosting_ticket_customer"),
            models.Index(
                fields=["resolve_due_at"],
                name="hosting_ticket_due",
                condition=~Q(status__in=["resolved", "closed"]),
            ),
        ]
        permissions = [
            ("work_ticket", _("Can assign, work on, resolve and reopen tickets")),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.subject}"

    @property
    def reference(self) -> str:
        """What people say on the phone: counted per customer, ours apart, so that it tells nothing about others."""
        return f"{'T' if self.client_visible else 'I'}-{self.number:04}"

    def overdue(self, at: datetime) -> timedelta | None:
        """By how much the next promise is broken at a moment; None while it is kept, or while we wait."""
        if self.status in DONE or self.waiting_since is not None:
            return None
        answer_due = self.respond_due_at if self.responded_at is None else None
        late = [at - due for due in (answer_due, self.resolve_due_at) if due is not None and at > due]
        return max(late) if late else None


class TicketMinerQuerySet(ScopedQuerySet):
    """Which machines a ticket is about; a client sees those of visible tickets."""

    scope_path = "ticket__customer_id"
    scope_filter = {"ticket__client_visible": True}

    def of_customers(self, ids: Collection[int]) -> Self:
        """Only machines that are still own: what was sold since is another's affair."""
        return super().of_customers(ids).filter(miner__customer_id=F("ticket__customer_id"))


class TicketMiner(models.Model):
    """A machine a ticket is about."""

    ticket = models.ForeignKey(Ticket, verbose_name=_("ticket"), on_delete=models.CASCADE, related_name="machines")
    miner = models.ForeignKey(
        "hosting.Miner", verbose_name=_("miner"), on_delete=models.PROTECT, related_name="ticket_links"
    )

    objects = TicketMinerQuerySet.as_manager()

    class Meta:
        verbose_name = _("machine of a ticket")
        verbose_name_plural = _("machines of a ticket")
        constraints = [models.UniqueConstraint(fields=["ticket", "miner"], name="hosting_ticket_miner_once")]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.miner_id}"
