"""Connections to OpenADR 3 servers (VTNs), as whose clients (VENs) we hear of dispatches and report."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.models.fields import NameField
from curtailment.enums import OpenAdrVersion
from curtailment.models.programme import Programme
from hashinsight.common.audit import tracked
from hashinsight.common.encrypted import EncryptedField
from hashinsight.common.models import BaseModel

SECRETS = ("client_secret", "access_token")
_HEARD = (
    "polled_at", "heard_at", "failing_since", "failures", "not_before", "error", "clock_offset_s", "events_seen",
    "token_until",
)  # fmt: skip


@tracked(exclude=SECRETS, quiet=_HEARD)
class VtnConnection(BaseModel):
    """A server of a programme that is asked again and again what it calls.

    ``heard_at`` is the last poll that was complete; ``not_before`` keeps us away after failures, as long as the server
    asks for or twice as long each time.
    """

    name = NameField(_("name"), max_length=100, unique=True)
    programme = models.ForeignKey(
        Programme, verbose_name=_("programme"), on_delete=models.PROTECT, related_name="connections"
    )
    is_active = models.BooleanField(pgettext_lazy("connection", "on"), default=True)
    base_url = models.URLField(
        _("address of the server"), max_length=500, help_text=_("Such as https://vtn.example.com/openadr3/3.1.0")
    )
    openadr_version = models.CharField(
        _("OpenADR"), max_length=8, choices=OpenAdrVersion.choices, default=OpenAdrVersion.V31
    )
    token_url = models.URLField(
        _("address for tokens"), max_length=500, blank=True, default="", help_text=_("Empty: the server tells it.")
    )
    client_id = NameField(_("client id"), max_length=200)
    client_secret = EncryptedField(_("client secret"))
    scope = NameField(_("scope"), max_length=300, blank=True, default="")
    ven_name = NameField(_("our name there (VEN)"), max_length=128)
    ven_id = NameField(_("id of our name there"), max_length=128, blank=True, default="", editable=False)
    programs = models.TextField(
        _("programs"),
        blank=True,
        default="",
        max_length=2000,
        help_text=_("Names or ids on that server, a line each; empty: all we can see."),
    )
    poll_seconds = models.PositiveIntegerField(
        _("ask every (s)"), default=30, validators=[MinValueValidator(10), MaxValueValidator(3600)]
    )
    relative_reduces = models.BooleanField(
        _("relative set-points reduce"),
        default=False,
        db_default=False,
        help_text=_("A positive DISPATCH_SETPOINT_RELATIVE asks for less load, not for more."),
    )
    sends_reports = models.BooleanField(
        _("reports measured power"),
        default=True,
        help_text=_("Energy and mean power of the sites, for each quarter of an hour of a call."),
    )
    access_token = EncryptedField(_("access token"))
    token_until = models.DateTimeField(_("token opens until"), null=True, blank=True, editable=False)
    polled_at = models.DateTimeField(_("asked at"), null=True, blank=True, editable=False)
    heard_at = models.DateTimeField(_("heard at"), null=True, blank=True, editable=False)
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True, editable=False)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0, editable=False)
    not_before = models.DateTimeField(_("not asked before"), null=True, blank=True, editable=False)
    error = models.CharField(_("error"), max_length=300, blank=True, default="", editable=False)
    clock_offset_s = models.IntegerField(_("its clock is ahead (s)"), null=True, blank=True, editable=False)
    events_seen = models.PositiveIntegerField(_("events"), default=0, editable=False)

    # What the sealed columns add to the model.
    if TYPE_CHECKING:
        conceal_client_secret: Callable[[str], None]
        conceal_access_token: Callable[[str], None]
        reveal_client_secret: Callable[[], str]
        reveal_access_token: Callable[[], str]

    class Meta:
        verbose_name = _("OpenADR server")
        verbose_name_plural = _("OpenADR servers")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(openadr_version__in=OpenAdrVersion.values), name="curtailment_vtn_version_known"
            ),
            models.CheckConstraint(condition=Q(poll_seconds__range=(1, 3600)), name="curtailment_vtn_poll"),
        ]
        permissions = [
            ("poll_vtnconnection", _("Can ask OpenADR servers now")),
            ("secret_vtnconnection", _("Can change the secrets of OpenADR servers")),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def silent_after(self) -> timedelta:
        """So long without a complete answer is too long."""
        return max(timedelta(minutes=5), timedelta(seconds=5 * self.poll_seconds))


@tracked(quiet=["resource_id"])
class VtnResource(BaseModel):
    """A site under the name by which a server knows it."""

    connection = models.ForeignKey(
        VtnConnection, verbose_name=_("OpenADR server"), on_delete=models.CASCADE, related_name="resources"
    )
    site = models.ForeignKey("hosting.Site", verbose_name=_("site"), on_delete=models.PROTECT, related_name="+")
    name = NameField(_("name there (resource)"), max_length=128)
    targets = models.TextField(
        _("targets"),
        blank=True,
        default="",
        max_length=2000,
        help_text=_("Other names by which events mean it, a line each: groups, areas."),
    )
    resource_id = NameField(_("id there"), max_length=128, blank=True, default="", editable=False)

    class Meta:
        verbose_name = _("site on an OpenADR server")
        verbose_name_plural = _("sites on OpenADR servers")
        ordering = ["connection_id", "name"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "site"], name="curtailment_vtn_resource_site"),
            models.UniqueConstraint(fields=["connection", "name"], name="curtailment_vtn_resource_name"),
        ]

    def __str__(self) -> str:
        return f"{self.connection}: {self.name}"
