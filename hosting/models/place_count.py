"""What stands where, counted beforehand."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class PlaceCount(models.Model):
    """A part of the count of a place: what stands there is the sum of its rows.

    A trigger adds a row for each change of machines, in its transaction; nobody waits for anybody, and the sum is right
    at any moment. Nightly the rows are folded into one per place and checked against the machines. Not columns of the
    site: its version, by which clients of the API know a page they have, would change with every machine. Places are
    plain keys: a reference would lock the site from within every change of a machine.
    """

    site_id = models.BigIntegerField(_("site"), db_index=True)
    zone_id = models.BigIntegerField(_("zone"), null=True, blank=True)
    machines = models.BigIntegerField(_("machines"))
    active = models.BigIntegerField(_("meant to run"))
    nameplate_w = models.BigIntegerField(_("nameplate power (W)"))
    unknown = models.BigIntegerField(_("of unknown power"))
    written_at = models.DateTimeField(_("written at"), default=timezone.now)

    class Meta:
        verbose_name = _("part of the count of a place")
        verbose_name_plural = _("parts of the counts of places")

    def __str__(self) -> str:
        return f"{self.site_id}/{self.zone_id or '-'} {self.machines:+}"
