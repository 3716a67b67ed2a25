"""Leases of edge devices: keys they are signed with, and what each device may do until when."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from hashinsight.common.audit import tracked
from hashinsight.common.encrypted import EncryptedField
from hashinsight.common.models import BaseModel
from hosting.models.edge import EdgeDevice


@tracked(exclude=["private_key"])
class LeaseKey(BaseModel):
    """A pair of keys that leases are signed with (Ed25519). The newest signs for devices that have pinned it."""

    name = models.CharField(_("name"), max_length=16, unique=True, editable=False)
    public_key = models.CharField(_("public key"), max_length=44, editable=False, help_text=_("Ed25519, base64."))
    private_key = EncryptedField(_("private key"))
    retired_at = models.DateTimeField(_("retired at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("key of leases")
        verbose_name_plural = _("keys of leases")
        ordering = ["-created_at", "-id"]
        permissions = [("rotate_leasekey", _("Can make new keys of leases and retire old ones"))]

    def __str__(self) -> str:
        return self.name


class EdgeLease(models.Model):
    """What one device is told with its next question, and what it said with its last one.

    ``content`` is the control's word of its last step and counts until ``expires_at``; each time it is handed out it is
    signed anew with a higher ``counter``. ``held_until``: end of what was handed out last; after it the device acts
    alone, within ``handed_up_w``: the largest share of the ramp that it was handed within the last step (since
    ``narrowed_at`` it is less). ``takes_limits``: with its last question it said that it reads leases with limits.
    """

    device = models.OneToOneField(
        EdgeDevice, verbose_name=_("edge device"), on_delete=models.PROTECT, related_name="lease"
    )
    counter = models.PositiveBigIntegerField(_("counter"), default=0)
    content = models.JSONField(_("content"), null=True)
    roster = models.TextField(_("machines"), default="[]")
    machines = models.PositiveIntegerField(_("machines in it"), default=0)
    frozen = models.BooleanField(_("kill switch"), default=False)
    written_at = models.DateTimeField(_("written at"), null=True)
    expires_at = models.DateTimeField(_("runs until"), null=True)
    asked_at = models.DateTimeField(_("last fetched"), null=True)
    handed_at = models.DateTimeField(_("handed out at"), null=True)
    held_until = models.DateTimeField(_("held by the device until"), null=True)
    handed_up_w = models.PositiveBigIntegerField(_("may switch on in a step (W)"), default=0)
    narrowed_at = models.DateTimeField(_("may switch on less since"), null=True)
    known_keys = models.JSONField(_("keys the device has pinned"), default=list)
    seen = models.JSONField(_("what its machines said"), null=True)
    seen_at = models.DateTimeField(_("last report"), null=True)
    switched = models.PositiveIntegerField(_("machines it has switched off or lowered"), default=0)
    takes_limits = models.BooleanField(_("passes limits of power on"), default=False, db_default=False)
    is_alone = models.BooleanField(_("acts alone"), default=False)
    trouble = models.CharField(_("trouble"), max_length=300, default="", blank=True)

    class Meta:
        verbose_name = _("lease of an edge device")
        verbose_name_plural = _("leases of edge devices")
        constraints = [
            models.CheckConstraint(
                condition=Q(content__isnull=True) | Q(written_at__isnull=False, expires_at__isnull=False),
                name="hosting_lease_has_an_end",
            )
        ]

    def __str__(self) -> str:
        return f"{self.device} #{self.counter}"
