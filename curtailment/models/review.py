"""What one person did alone, and that somebody else looks at afterwards."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models.fields import NameField


class Reviewable(models.Model):
    """Columns of what is looked at the day after; ``review_due_on`` is a day of the site's clock, empty for none."""

    review_due_on = models.DateField(_("to be reviewed on"), null=True, blank=True, editable=False)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("reviewed by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    reviewed_at = models.DateTimeField(_("reviewed at"), null=True, blank=True, editable=False)
    review = NameField(_("review"), max_length=300, blank=True, default="", editable=False)

    class Meta:
        abstract = True

    @property
    def waits_for_review(self) -> bool:
        """Whether nobody has looked at it yet."""
        return self.review_due_on is not None and self.reviewed_at is None
