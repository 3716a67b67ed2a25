"""Edge devices: small computers at a site that read its machines and push what they heard."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.models.fields import NameField
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hosting.enums import EdgeStatus, QuarantineReason


@tracked(exclude=["last_seen_at"], quiet=["software_version"])
class EdgeDevice(BaseModel):
    """A collector at a site. It may report machines that stand in its zone (without one: at its site), no others.

    waiting  registered; it has not traded its code for a token yet
    active   it reports
    revoked  it is refused for good
    """

    serial = models.CharField(_("serial number"), max_length=100, unique=True)
    name = NameField(_("name"), max_length=100)
    site = models.ForeignKey(
        "hosting.Site", verbose_name=_("site"), on_delete=models.PROTECT, related_name="edge_devices"
    )
    zone = models.ForeignKey(
        "hosting.Zone",
        verbose_name=_("zone"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="edge_devices",
        help_text=_("Empty: all zones of the site."),
    )
    status = models.CharField(
        _("status"), max_length=16, choices=EdgeStatus.choices, default=EdgeStatus.WAITING, editable=False
    )
    public_key = models.CharField(
        _("public key"), max_length=44, blank=True, default="", editable=False, help_text=_("X25519, base64.")
    )
    software_version = models.CharField(_("software"), max_length=60, blank=True, default="", editable=False)
    last_seen_at = models.DateTimeField(_("last heard"), null=True, blank=True, editable=False)
    registered_at = models.DateTimeField(_("registered at"), editable=False)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("edge device")
        verbose_name_plural = _("edge devices")
        constraints = [
            models.CheckConstraint(condition=Q(status__in=EdgeStatus.values), name="hosting_edge_status_known"),
            models.CheckConstraint(
                condition=Q(status=EdgeStatus.REVOKED, revoked_at__isnull=False)
                | (~Q(status=EdgeStatus.REVOKED) & Q(revoked_at__isnull=True)),
                name="hosting_edge_revoked_when",
            ),
        ]
        permissions = [
            ("enrol_edgedevice", _("Can give edge devices new codes")),
            ("revoke_edgedevice", _("Can revoke edge devices")),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.serial})"


@tracked(exclude=["digest"])
class EdgeEnrolment(BaseModel):
    """A code for one device, to be traded once for a token; kept only as a keyed hash."""

    device = models.ForeignKey(
        EdgeDevice, verbose_name=_("edge device"), on_delete=models.CASCADE, related_name="enrolments"
    )
    digest = models.CharField(_("digest"), max_length=64, unique=True, editable=False)
    expires_at = models.DateTimeField(_("expires at"))
    used_at = models.DateTimeField(_("used at"), null=True, blank=True)

    class Meta:
        verbose_name = _("enrolment of an edge device")
        verbose_name_plural = _("enrolments of edge devices")

    def __str__(self) -> str:
        return f"{self.device} {self.expires_at:%Y-%m-%d %H:%M}"


@tracked(exclude=["digest"])
class EdgeToken(BaseModel):
    """By what a device proves who it is; shown once, kept only as a keyed hash. During a rotation two live."""

    device = models.ForeignKey(
        EdgeDevice, verbose_name=_("edge device"), on_delete=models.CASCADE, related_name="tokens"
    )
    prefix = models.CharField(_("prefix"), max_length=16, unique=True, editable=False)
    digest = models.CharField(_("digest"), max_length=64, editable=False)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    class Meta:
        verbose_name = _("token of an edge device")
        verbose_name_plural = _("tokens of edge devices")

    def __str__(self) -> str:
        return f"{self.prefix}…"

    def is_live(self, at: datetime) -> bool:
        """Neither revoked nor expired at that moment."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


class EdgeBatch(models.Model):
    """A batch that was taken in. The same id again gets ``answer`` again; nothing is stored twice. Never changed."""

    device = models.ForeignKey(
        EdgeDevice, verbose_name=_("edge device"), on_delete=models.PROTECT, related_name="batches"
    )
    batch_id = models.CharField(_("batch"), max_length=64)
    digest = models.CharField(_("digest"), max_length=64)
    received_at = models.DateTimeField(_("received at"))
    readings = models.PositiveIntegerField(_("readings"))
    stored = models.PositiveIntegerField(_("stored"))
    duplicates = models.PositiveIntegerField(_("there already"))
    quarantined = models.PositiveIntegerField(_("put aside"))
    clock_skewed = models.BooleanField(_("clock was wrong"), default=False)
    answer = models.JSONField(_("answer"))

    class Meta:
        verbose_name = _("batch of an edge device")
        verbose_name_plural = _("batches of edge devices")
        constraints = [models.UniqueConstraint(fields=["device", "batch_id"], name="hosting_edge_batch_once")]
        indexes = [models.Index(fields=["-received_at", "-id"], name="hosting_edge_batch_received")]

    def __str__(self) -> str:
        return f"{self.device} {self.batch_id}"


class QuarantinedReading(models.Model):
    """A reading that was not believed, or one figure of a reading that was; kept for somebody to look at."""

    batch = models.ForeignKey(
        EdgeBatch,
        verbose_name=_("batch of an edge device"),
        null=True,
        on_delete=models.CASCADE,
        related_name="quarantined_readings",
    )
    device = models.ForeignKey(
        EdgeDevice, verbose_name=_("edge device"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    meter = models.ForeignKey(
        "hosting.Meter",
        verbose_name=_("meter"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    recorded_at = models.DateTimeField(pgettext_lazy("figures", "recorded at"), null=True, blank=True)
    place = models.PositiveIntegerField(_("number in the batch"))
    machine = models.CharField(_("machine as named"), max_length=64, blank=True, default="")
    reason = models.CharField(_("reason"), max_length=24, choices=QuarantineReason.choices)
    figure = models.CharField(_("figure"), max_length=24, blank=True, default="", help_text=_("Empty: all of it."))
    value = models.CharField(_("value"), max_length=100, blank=True, default="")
    received_at = models.DateTimeField(_("received at"))
    seen_at = models.DateTimeField(_("seen at"), null=True, blank=True)

    class Meta:
        verbose_name = _("reading put aside")
        verbose_name_plural = _("readings put aside")
        constraints = [
            models.CheckConstraint(
                condition=Q(reason__in=QuarantineReason.values), name="hosting_quarantine_reason_known"
            )
        ]
        indexes = [
            models.Index(fields=["-received_at", "-id"], name="hosting_quarantine_received"),
            models.Index(fields=["device", "-received_at"], name="hosting_quarantine_device"),
            models.Index(
                fields=["meter", "recorded_at"], name="hosting_quarantine_meter", condition=Q(meter__isnull=False)
            ),
        ]
        permissions = [("see_quarantinedreading", _("Can mark readings put aside as seen"))]

    def __str__(self) -> str:
        return f"{self.get_reason_display()} {self.figure}".strip()
