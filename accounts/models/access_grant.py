"""Time-limited access."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel


@tracked()
class AccessGrant(BaseModel):
    """A period in which a user may sign in and use keys. No row at all means no limit; periods may overlap."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="access_grants"
    )
    valid_from = models.DateTimeField(_("valid from"))
    valid_to = models.DateTimeField(_("valid to"), help_text=_("Exclusive: at this moment access ends."))
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("granted by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    reason = models.CharField(_("reason"), max_length=200, blank=True, default="")

    class Meta:
        verbose_name = _("access grant")
        verbose_name_plural = _("access grants")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(valid_to__gt=models.F("valid_from")),
                name="accounts_grant_period",
                violation_error_message=_("Access must end after it begins."),
            )
        ]
        indexes = [models.Index(fields=["user", "valid_from", "valid_to"], name="accounts_grant_period_idx")]

    def __str__(self) -> str:
        return f"{self.user} {self.valid_from:%Y-%m-%d} – {self.valid_to:%Y-%m-%d}"

    @property
    def days(self) -> int:
        """Length in whole days (``access_days`` of the source documents)."""
        return (self.valid_to - self.valid_from).days
