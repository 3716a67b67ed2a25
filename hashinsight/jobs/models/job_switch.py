"""Who switched a job on or off."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class JobSwitch(models.Model):
    """A person switched a periodic job on or off; rows are added, never changed."""

    job = models.CharField(_("job"), max_length=100)
    is_enabled = models.BooleanField(_("switched on"))
    reason = models.CharField(_("reason"), max_length=200)
    switched_by = models.CharField(_("by"), max_length=254)
    switched_at = models.DateTimeField(_("at"), default=timezone.now)

    class Meta:
        verbose_name = _("switching of a job")
        verbose_name_plural = _("switching of jobs")
        indexes = [models.Index(fields=["job", "-switched_at"], name="jobs_jobswitch_job")]

    def __str__(self) -> str:
        return f"{self.job} {self.switched_at:%Y-%m-%d %H:%M}"
