"""Logins of machines, sealed."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hosting.enums import SecretMode, SecretPurpose


@tracked(exclude=["ciphertext", "fingerprint"])
class MinerSecret(BaseModel):
    """One login of one machine; a new one is a new row, whose ``counter`` is higher than any before it.

    masked    we can read it, and show it to whoever may see it
    envelope  we can read it, to speak to the machine, and show it to nobody
    sealed    only one edge device can read it; we cannot

    The ciphertext is bound to machine, owner, purpose and counter: moved to another row, kept while the machine changes
    hands, or put back over a newer one, it opens no more.
    """

    miner = models.ForeignKey(
        "hosting.Miner", verbose_name=_("miner"), on_delete=models.PROTECT, related_name="secrets"
    )
    customer = models.ForeignKey(
        "crm.Customer",
        verbose_name=_("customer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
        help_text=_("Whose machine it was when the login was kept; another owner's opens no more."),
    )
    purpose = models.CharField(_("for"), max_length=16, choices=SecretPurpose.choices, default=SecretPurpose.WEB)
    mode = models.PositiveSmallIntegerField(_("mode"), choices=SecretMode.choices, default=SecretMode.ENVELOPE)
    device = models.ForeignKey(
        "hosting.EdgeDevice",
        verbose_name=_("edge device"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="secrets",
    )
    ciphertext = models.TextField(_("ciphertext"), editable=False)
    fingerprint = models.CharField(_("fingerprint"), max_length=64, editable=False)
    counter = models.BigIntegerField(_("counter"), editable=False)
    superseded_at = models.DateTimeField(_("superseded at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("login of a machine")
        verbose_name_plural = _("logins of machines")
        constraints = [
            models.UniqueConstraint(
                fields=["miner", "purpose"], condition=Q(superseded_at__isnull=True), name="hosting_secret_one_current"
            ),
            models.UniqueConstraint(fields=["miner", "purpose", "counter"], name="hosting_secret_counter_once"),
            models.CheckConstraint(condition=Q(mode__in=SecretMode.values), name="hosting_secret_mode_known"),
            models.CheckConstraint(condition=Q(purpose__in=SecretPurpose.values), name="hosting_secret_purpose_known"),
            models.CheckConstraint(condition=Q(counter__gte=1), name="hosting_secret_counter_from_one"),
            models.CheckConstraint(
                condition=Q(mode=3, device__isnull=False) | (~Q(mode=3) & Q(device__isnull=True)),
                name="hosting_secret_sealed_to_a_device",
            ),
        ]
        permissions = [
            ("reveal_minersecret", _("Can read masked logins of machines")),
        ]

    def __str__(self) -> str:
        return f"{self.miner} {self.get_purpose_display()} #{self.counter}"
