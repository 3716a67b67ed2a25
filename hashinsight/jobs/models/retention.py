"""How long rows are kept, what must stay, and what was deleted."""

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel


@tracked()
class RetentionPolicy(BaseModel):
    """How many days rows of one kind are kept after their time began; a person may change it.

    ``minimum_days`` comes from the kind (law, or what the product needs) and cannot be undercut.
    """

    kind = models.CharField(_("kind"), max_length=100, unique=True)
    keep_days = models.PositiveIntegerField(_("days kept"))
    minimum_days = models.PositiveIntegerField(_("at least (days)"), default=1)
    is_enabled = models.BooleanField(_("deletes"), default=True)

    class Meta:
        verbose_name = _("retention policy")
        verbose_name_plural = _("retention policies")
        constraints = [
            models.CheckConstraint(condition=Q(keep_days__gte=F("minimum_days")), name="jobs_retention_minimum"),
            models.CheckConstraint(condition=Q(keep_days__lte=36_500), name="jobs_retention_most"),
        ]
        permissions = [("run_retention", _("Can run a retention policy now"))]

    def __str__(self) -> str:
        return self.kind


@tracked()
class LegalHold(BaseModel):
    """Something whose rows must not be deleted while the hold stands: a customer in a dispute, an invoice in court."""

    subject = models.CharField(_("about"), max_length=100)
    key = models.CharField(_("number"), max_length=100)
    label = models.CharField(_("name"), max_length=200)
    reason = models.CharField(_("reason"), max_length=500)
    placed_by = models.CharField(_("placed by"), max_length=254)
    placed_at = models.DateTimeField(_("placed at"), default=timezone.now)
    released_at = models.DateTimeField(_("released at"), null=True, blank=True)
    released_by = models.CharField(_("released by"), max_length=254, blank=True, default="")
    release_reason = models.CharField(_("reason of the release"), max_length=500, blank=True, default="")

    class Meta:
        verbose_name = _("legal hold")
        verbose_name_plural = _("legal holds")
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "key"], condition=Q(released_at__isnull=True), name="jobs_legalhold_once"
            )
        ]
        permissions = [("release_legalhold", _("Can release a legal hold"))]

    def __str__(self) -> str:
        return self.label


class RetentionReport(models.Model):
    """What one run of a policy found and deleted; a dry run deletes nothing."""

    kind = models.CharField(_("kind"), max_length=100)
    run_id = models.BigIntegerField(_("run of the job"), null=True, blank=True)
    is_dry_run = models.BooleanField(_("dry run"), default=False)
    keep_days = models.PositiveIntegerField(_("days kept"))
    cutoff = models.DateTimeField(_("rows before"))
    due_count = models.PositiveIntegerField(_("due"), default=0)
    deleted_count = models.PositiveIntegerField(_("deleted"), default=0)
    examples: Any = models.JSONField(_("examples"), default=list)
    started_by = models.CharField(_("started by"), max_length=254, blank=True, default="")
    started_at = models.DateTimeField(_("started at"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True, default="")

    class Meta:
        verbose_name = _("retention report")
        verbose_name_plural = _("retention reports")
        constraints = [
            models.UniqueConstraint(
                fields=["run_id", "kind"], condition=Q(run_id__isnull=False), name="jobs_retentionreport_once"
            )
        ]
        indexes = [models.Index(fields=["kind", "-started_at"], name="jobs_retentionreport_kind")]

    def __str__(self) -> str:
        return f"{self.kind} {self.started_at:%Y-%m-%d}"
