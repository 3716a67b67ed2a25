"""Excused hours: times in which a machine was off because we wanted it off, so that nobody is blamed for them."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.models.fields import NameField
from hashinsight.common.ids import new_public_id
from hashinsight.common.scoping import ScopedQuerySet


class ExcusedQuerySet(ScopedQuerySet):
    """Excused intervals; a client sees those of the time in which the machine was its own."""

    scope_path = "customer_id"


class ExcusedInterval(models.Model):
    """One machine was off from one moment to another (exclusive) for a reason that its owner's promised uptime excuses.

    Rows of one ``source_key`` are replaced together when their source is reckoned again.
    """

    version: ClassVar[int] = 1

    public_id = models.UUIDField(_("public id"), default=new_public_id, unique=True, editable=False)
    miner = models.ForeignKey("hosting.Miner", verbose_name=_("miner"), on_delete=models.PROTECT, related_name="+")
    customer = models.ForeignKey(
        "crm.Customer",
        verbose_name=_("customer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Whose machine it was; empty: our own."),
    )
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("to"))
    reason = NameField(_("reason"), max_length=300)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    source_key = models.CharField(_("key of the source"), max_length=200)

    objects = ExcusedQuerySet.as_manager()

    class Meta:
        verbose_name = _("excused interval")
        verbose_name_plural = _("excused intervals")
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="hosting_excused_forward"),
            models.UniqueConstraint(fields=["source_key", "miner", "starts_at"], name="hosting_excused_once"),
        ]
        indexes = [
            models.Index(fields=["miner", "starts_at"], name="hosting_excused_miner"),
            models.Index(fields=["customer", "starts_at"], name="hosting_excused_customer"),
        ]

    def __str__(self) -> str:
        return f"{self.miner} {self.starts_at:%Y-%m-%d %H:%M}"
