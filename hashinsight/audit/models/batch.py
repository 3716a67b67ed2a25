"""A sealed stretch of the history."""

import pgtrigger
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class AuditBatch(models.Model):
    """Rows of one history table, sealed: nothing in them can be changed, removed or added unnoticed any more.

    ``contents`` holds id and SHA-256 of every row; their hash, the range and the hash of the batch before are hashed
    again and signed. So the batches of all tables are one chain. Written once.
    """

    number = models.PositiveBigIntegerField(_("number"), unique=True)
    table = models.CharField(_("table"), max_length=100)
    columns = models.JSONField(_("columns"))
    first_id = models.BigIntegerField(_("after row"))
    last_id = models.BigIntegerField(_("to row"))
    row_count = models.PositiveIntegerField(_("rows"))
    contents = models.BinaryField(_("checksums of the rows"))
    rows_sha256 = models.CharField(_("checksum of the contents"), max_length=64)
    previous_hash = models.CharField(_("hash of the batch before"), max_length=64, blank=True)
    batch_hash = models.CharField(_("hash"), max_length=64)
    signature = models.CharField(_("signature"), max_length=64)
    sealed_at = models.DateTimeField(_("sealed at"), default=timezone.now)

    class Meta:
        verbose_name = _("sealed batch")
        verbose_name_plural = _("sealed batches")
        constraints = [
            models.UniqueConstraint(fields=["table", "first_id"], name="audit_batch_table_first"),
            models.CheckConstraint(condition=models.Q(last_id__gt=models.F("first_id")), name="audit_batch_range"),
        ]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        ]
        permissions = [("verify_auditbatch", _("Can verify sealed batches"))]

    def __str__(self) -> str:
        return f"{self.number} {self.table}"
