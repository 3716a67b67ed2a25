"""What rules decided: each decision that changed something, or was refused, with the figures it was made on."""

import pgtrigger
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from curtailment.enums import RuleDecision, RuleKind
from curtailment.models.plan import CurtailmentPlan
from hashinsight.common.ids import new_public_id


class RuleExecution(models.Model):
    """One decision of one rule. It outlives the rule, so it names it by plain values; it is never changed."""

    public_id = models.UUIDField(_("public id"), default=new_public_id, unique=True, editable=False)
    kind = models.CharField(_("kind of rule"), max_length=16, choices=RuleKind.choices)
    rule_id = models.CharField(_("id of the rule"), max_length=64, blank=True, default="")
    rule_name = models.CharField(_("rule"), max_length=120, blank=True, default="")
    source_key = models.CharField(_("key of the source"), max_length=200, blank=True, default="")
    site = models.ForeignKey(
        "hosting.Site", verbose_name=_("site"), on_delete=models.PROTECT, related_name="rule_executions"
    )
    plan = models.ForeignKey(
        CurtailmentPlan,
        verbose_name=_("plan"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="rule_executions",
    )
    decision = models.CharField(_("decision"), max_length=16, choices=RuleDecision.choices)
    inputs = models.JSONField(_("figures it was made on"), default=dict, encoder=DjangoJSONEncoder)
    outcome = models.CharField(_("what came of it"), max_length=300, blank=True, default="")
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("execution of a rule")
        verbose_name_plural = _("executions of rules")
        ordering = ["-at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=RuleKind.values), name="curtailment_execution_kind_known"),
            models.CheckConstraint(
                condition=Q(decision__in=RuleDecision.values), name="curtailment_execution_decision_known"
            ),
        ]
        indexes = [
            models.Index(fields=["-at", "-id"], name="curtailment_execution_at"),
            models.Index(fields=["source_key", "-id"], name="curtailment_execution_key"),
            models.Index(fields=["rule_id", "-id"], name="curtailment_execution_rule"),
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.rule_name or self.rule_id} {self.at:%Y-%m-%d %H:%M}"
