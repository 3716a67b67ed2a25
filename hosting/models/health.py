"""Changes of health that must hold before they count."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from hashinsight.common.scoping import ScopedQuerySet
from hosting.enums import MinerHealth


class PendingHealth(models.Model):
    """A machine that looks otherwise than its health says, and since when; gone when that has held, or is over."""

    miner = models.OneToOneField(
        "hosting.Miner", verbose_name=_("miner"), primary_key=True, on_delete=models.CASCADE, related_name="+"
    )
    health = models.CharField(_("health"), max_length=16, choices=MinerHealth.choices)
    since = models.DateTimeField(_("since"))

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("change of health that waits")
        verbose_name_plural = _("changes of health that wait")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(health__in=MinerHealth.values), name="hosting_pending_health_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.miner_id} {self.health}"
