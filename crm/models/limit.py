"""Above which amount a second person is needed."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.enums import LimitedAct, LimitRule
from crm.models.legal_entity import LegalEntity
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.money import MoneyField


@tracked()
class ApprovalLimit(BaseModel):
    """When one of our legal entities asks for a second person: per kind of act never, always, or above an amount.

    An act without a row needs no second person. The amount is in the entity's currency; an act in another currency
    cannot be compared with it and needs the second person.
    """

    legal_entity = models.ForeignKey(
        LegalEntity, verbose_name=_("legal entity"), on_delete=models.CASCADE, related_name="approval_limits"
    )
    act = models.CharField(_("act"), max_length=20, choices=LimitedAct.choices)
    rule = models.CharField(_("second person"), max_length=10, choices=LimitRule.choices, default=LimitRule.ABOVE)
    amount = MoneyField(
        _("up to this amount one person suffices"),
        null=True,
        blank=True,
        decimal_places=8,
        max_digits=24,
        help_text=_("In the currency of the legal entity. Only for the rule “above an amount”."),
    )

    class Meta:
        verbose_name = _("limit of a second person")
        verbose_name_plural = _("limits of a second person")
        constraints = [
            models.UniqueConstraint(
                fields=["legal_entity", "act"],
                name="crm_approvallimit_one",
                violation_error_message=_("There is a limit for this act already."),
            ),
            models.CheckConstraint(condition=Q(act__in=LimitedAct.values), name="crm_approvallimit_act_known"),
            models.CheckConstraint(condition=Q(rule__in=LimitRule.values), name="crm_approvallimit_rule_known"),
            models.CheckConstraint(
                condition=Q(rule="above", amount__isnull=False, amount__gte=0)
                | (~Q(rule="above") & Q(amount__isnull=True)),
                name="crm_approvallimit_amount_if_above",
                violation_error_message=_("State an amount for “above an amount”, and only then."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.legal_entity} {self.get_act_display()}"
