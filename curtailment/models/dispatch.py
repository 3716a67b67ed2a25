"""Dispatches: what programmes call, and each message about them as it came."""

from datetime import datetime

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from crm.models.fields import NameField
from curtailment.enums import DispatchSource, DispatchState, Goal, MessageOutcome
from curtailment.models.programme import Programme
from curtailment.models.vtn import VtnConnection
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hosting.meter_enums import LoadSource
from hosting.models.fields import KilowattField


@tracked(quiet=["reported_to", "reported_from"])
class Dispatch(BaseModel):
    """A programme calls on the load of a site for a time. What holds is what its last message said.

    received   waits until somebody authorises it
    refused    nothing is done about it
    logged     a test that is only written down
    accepted   its time has not come
    running    its time has come
    ended      its time is over
    cancelled  taken back by whoever called it
    """

    programme = models.ForeignKey(
        Programme, verbose_name=_("programme"), on_delete=models.PROTECT, related_name="dispatches"
    )
    site = models.ForeignKey("hosting.Site", verbose_name=_("site"), on_delete=models.PROTECT, related_name="+")
    reference = NameField(_("reference"), max_length=200, help_text=_("The id the other side gave it."))
    source = models.CharField(_("by"), max_length=16, choices=DispatchSource.choices)
    connection = models.ForeignKey(
        VtnConnection,
        verbose_name=_("OpenADR server"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="dispatches",
    )
    event_id = models.CharField(_("id of the event there"), max_length=128, blank=True, default="", db_default="")
    event_interval = models.IntegerField(_("interval of the event"), null=True, blank=True)
    state = models.CharField(_("state"), max_length=16, choices=DispatchState.choices)
    state_since = models.DateTimeField(_("since"))
    code = models.CharField(_("why"), max_length=32, blank=True, default="")
    marks = ArrayField(models.CharField(max_length=32), verbose_name=_("unusual"), default=list, blank=True)
    is_test = models.BooleanField(_("test"), default=False)
    is_authorised = models.BooleanField(_("authorised"), default=True)
    authorised_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("authorised by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    cancelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("cancelled by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Empty: by whoever called it."),
    )
    goal = models.CharField(_("goal"), max_length=8, choices=Goal.choices)
    kw = KilowattField(_("power (kW)"))
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("to"), null=True, blank=True)
    begins_at = models.DateTimeField(
        _("we begin at"), null=True, blank=True, help_text=_("Earlier than its start where our ramp needs it.")
    )
    is_open_ended = models.BooleanField(_("without an end"), default=False)
    reason = NameField(_("reason"), max_length=300, blank=True, default="")
    revision = models.PositiveIntegerField(_("revision"), default=0)
    sequence = models.BigIntegerField(_("number of the last message"), null=True, blank=True)
    sent_at = models.DateTimeField(_("last message sent at"), null=True, blank=True)
    received_at = models.DateTimeField(_("first heard at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    stale_since = models.DateTimeField(
        _("not heard of since"),
        null=True,
        blank=True,
        help_text=_("The other side is silent; machines are kept off for as long as their terms allow."),
    )
    reported_to = models.DateTimeField(_("reported up to"), null=True, blank=True)
    reported_from = models.CharField(
        _("load of the site reported from"),
        max_length=16,
        choices=LoadSource.choices,
        blank=True,
        default="",
        db_default="",
        help_text=_("The same for all of a dispatch; the sum of the machines is told as estimated."),
    )

    class Meta:
        verbose_name = _("dispatch")
        verbose_name_plural = _("dispatches")
        constraints = [
            models.UniqueConstraint(fields=["programme", "site", "reference"], name="curtailment_dispatch_once"),
            models.CheckConstraint(
                condition=Q(source__in=DispatchSource.values), name="curtailment_dispatch_source_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=DispatchState.values), name="curtailment_dispatch_state_known"
            ),
            models.CheckConstraint(condition=Q(goal__in=Goal.values), name="curtailment_dispatch_goal_known"),
            models.CheckConstraint(
                condition=Q(is_open_ended=True, ends_at__isnull=True)
                | Q(is_open_ended=False, ends_at__isnull=False, ends_at__gt=F("starts_at"))
                | Q(state__in=["refused", "cancelled"]),
                name="curtailment_dispatch_has_an_end",
            ),
        ]
        indexes = [
            models.Index(fields=["-starts_at", "-id"], name="curtailment_dispatch_starts"),
            models.Index(fields=["state", "starts_at"], name="curtailment_dispatch_state"),
        ]
        permissions = [
            ("authorise_dispatch", _("Can authorise dispatches")),
            ("cancel_dispatch", _("Can cancel dispatches")),
        ]

    def __str__(self) -> str:
        return f"{self.programme} {self.reference}"

    @property
    def key(self) -> str:
        """What the keys of its plans begin with."""
        return f"dispatch:{self.public_id}:"

    def covers(self, moment: datetime) -> bool:
        """Whether the moment lies in its time; says nothing of its state."""
        return self.starts_at <= moment and (self.ends_at is None or moment < self.ends_at)


class DispatchMessage(models.Model):
    """One message about a dispatch as it came, and what came of it. Never changed."""

    programme = models.ForeignKey(Programme, verbose_name=_("programme"), on_delete=models.PROTECT, related_name="+")
    dispatch = models.ForeignKey(
        Dispatch, verbose_name=_("dispatch"), null=True, on_delete=models.PROTECT, related_name="messages"
    )
    message_id = models.CharField(_("id of the message"), max_length=255, blank=True, default="")
    source = models.CharField(_("by"), max_length=16, choices=DispatchSource.choices)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("typed by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    received_at = models.DateTimeField(_("received at"))
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    sequence = models.BigIntegerField(_("number"), null=True, blank=True)
    digest = models.CharField(_("digest"), max_length=64)
    raw = models.TextField(_("as it came"))
    said = models.JSONField(_("what it says"))
    outcome = models.CharField(_("outcome"), max_length=16, choices=MessageOutcome.choices)
    code = models.CharField(_("why"), max_length=32, blank=True, default="")
    marks = ArrayField(models.CharField(max_length=32), verbose_name=_("unusual"), default=list, blank=True)
    revision = models.PositiveIntegerField(_("revision"), null=True, blank=True)
    answer = models.JSONField(_("answer"))

    class Meta:
        verbose_name = _("message about a dispatch")
        verbose_name_plural = _("messages about dispatches")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "message_id"],
                condition=~Q(message_id=""),
                name="curtailment_dispatch_message_once",
            ),
            models.CheckConstraint(
                condition=Q(source__in=DispatchSource.values), name="curtailment_message_source_known"
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=MessageOutcome.values), name="curtailment_message_outcome_known"
            ),
        ]
        indexes = [models.Index(fields=["-received_at", "-id"], name="curtailment_message_received")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.received_at:%Y-%m-%d %H:%M:%S}"
