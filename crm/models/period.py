"""Months of the books."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.enums import PeriodState
from crm.models.legal_entity import LegalEntity
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel


@tracked()
class AccountingPeriod(BaseModel):
    """One month in the books of one of our legal entities. A month without a row is open.

    open    documents and payments may be dated in it
    closed  the database takes nothing dated in it any more, whoever asks

    Reopening needs a second person: a trigger lets a closed month go back only inside of an approved request.
    """

    legal_entity = models.ForeignKey(
        LegalEntity, verbose_name=_("legal entity"), on_delete=models.PROTECT, related_name="periods"
    )
    month = models.DateField(_("month"), help_text=_("Its first day."))
    state = models.CharField(
        _("state"), max_length=10, choices=PeriodState.choices, default=PeriodState.OPEN, editable=False
    )
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("closed by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True, editable=False)
    reopen_reason = models.CharField(
        _("reason of the last reopening"), max_length=300, blank=True, default="", editable=False
    )

    class Meta:
        verbose_name = _("accounting period")
        verbose_name_plural = _("accounting periods")
        constraints = [
            models.UniqueConstraint(
                fields=["legal_entity", "month"],
                name="crm_period_once",
                violation_error_message=_("This month has a period already."),
            ),
            models.CheckConstraint(condition=Q(state__in=PeriodState.values), name="crm_period_state_known"),
            models.CheckConstraint(
                condition=Q(month__day=1),
                name="crm_period_begins_first",
                violation_error_message=_("A period begins on the first of its month."),
            ),
            models.CheckConstraint(
                condition=~Q(state="closed") | Q(closed_at__isnull=False), name="crm_period_closed_has_moment"
            ),
        ]
        permissions = [("close_accountingperiod", _("Can close months and ask to reopen them"))]

    def __str__(self) -> str:
        return f"{self.legal_entity} {self.month:%Y-%m}"
