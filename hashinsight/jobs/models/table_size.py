"""How large the tables of the database were on a day."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class TableSize(models.Model):
    """Size of a table with its indexes, once a day: what growth is measured against."""

    table = models.CharField(_("table"), max_length=63)
    measured_on = models.DateField(_("day"))
    total_bytes = models.BigIntegerField(_("bytes"))
    row_estimate = models.BigIntegerField(_("rows (estimate)"))

    class Meta:
        verbose_name = _("table size")
        verbose_name_plural = _("table sizes")
        constraints = [
            models.UniqueConstraint(fields=["table", "measured_on"], name="jobs_tablesize_once"),
        ]

    def __str__(self) -> str:
        return f"{self.table} {self.measured_on}"
