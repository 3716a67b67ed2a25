"""Everything at a site switched on again at once, on the word of one person."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models.fields import NameField
from curtailment.models.review import Reviewable
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel


@tracked()
class SiteRestore(Reviewable, BaseModel):
    """One person ended all plans of a site at once. Written once; only its review is added."""

    site = models.ForeignKey("hosting.Site", verbose_name=_("site"), on_delete=models.PROTECT, related_name="+")
    reason = NameField(_("reason"), max_length=300)
    restored_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Empty: manage.py restore_all, and nobody was named."),
    )
    restored_at = models.DateTimeField(_("at"))
    plan_ids = ArrayField(models.BigIntegerField(), verbose_name=_("plans that ended"))

    class Meta:
        verbose_name = _("emergency restore")
        verbose_name_plural = _("emergency restores")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(plan_ids__len__gt=0),
                name="curtailment_restore_ended_something",
                violation_error_message=_("It ended nothing."),
            ),
        ]
        indexes = [models.Index(fields=["-restored_at", "-id"], name="curtailment_restore_at")]

    def __str__(self) -> str:
        return f"{self.site} {self.restored_at:%Y-%m-%d %H:%M} UTC"
