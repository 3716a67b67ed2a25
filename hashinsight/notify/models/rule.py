"""The one table that says who is told about what."""

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.scoping import ScopedQuerySet
from hashinsight.notify.enums import Severity

LONGEST_MINUTES = 7 * 24 * 60


class RuleQuerySet(ScopedQuerySet):
    """Rules; a customer sees those of its own webhooks."""

    scope_path = "channel__customer_id"


@tracked()
class Rule(BaseModel):
    """Which events and alerts go to which channel, how often, and what happens when nobody answers.

    ``kinds`` are names of events and alerts, families (``invoice.*``) or ``*``. Empty filters let everything pass.
    """

    name = models.CharField(_("name"), max_length=100)
    channel = models.ForeignKey(
        "notify.Channel", verbose_name=_("channel"), on_delete=models.CASCADE, related_name="rules"
    )
    recipients = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        verbose_name=_("people"),
        blank=True,
        related_name="+",
        limit_choices_to={"is_staff": True, "is_active": True},
        help_text=_("For e-mail: these people get it, besides the addresses of the channel."),
    )
    kinds = ArrayField(models.CharField(max_length=100), verbose_name=_("about"), default=list)
    min_severity = models.CharField(
        _("from severity"),
        max_length=16,
        choices=Severity.choices,
        default=Severity.INFO,
        help_text=_("Events are information; alerts have a severity of their own."),
    )
    only_customer_id = models.BigIntegerField(_("only this customer"), null=True, blank=True)
    only_legal_entity_id = models.BigIntegerField(_("only this legal entity"), null=True, blank=True)
    repeat_minutes = models.PositiveIntegerField(
        _("repeat limit (minutes)"),
        default=0,
        validators=[MaxValueValidator(LONGEST_MINUTES)],
        help_text=_(
            "At most one message about the same thing in this time, then one that counts the others. 0: every event,"
            " and an alert once."
        ),
    )
    tells_end = models.BooleanField(_("say when it is over"), default=True)
    escalate_after_minutes = models.PositiveIntegerField(
        _("escalate after (minutes)"),
        default=0,
        validators=[MaxValueValidator(LONGEST_MINUTES)],
        help_text=_("When nobody has acknowledged an alert by then, the second channel hears of it. 0: never."),
    )
    escalate_to = models.ForeignKey(
        "notify.Channel",
        verbose_name=_("second channel"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    is_active = models.BooleanField(pgettext_lazy("channel", "on"), default=True)

    objects: Any = RuleQuerySet.as_manager()

    class Meta:
        verbose_name = _("rule")
        verbose_name_plural = _("rules")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(min_severity__in=Severity.values), name="notify_rule_severity_known"
            ),
            models.CheckConstraint(
                condition=models.Q(escalate_after_minutes=0) | models.Q(escalate_to__isnull=False),
                name="notify_rule_escalation_whole",
                violation_error_message=_("An escalation needs a second channel."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RuleWindow(models.Model):
    """How long one rule keeps quiet about one thing, and what it has swallowed since."""

    rule = models.ForeignKey(Rule, verbose_name=_("rule"), on_delete=models.CASCADE, related_name="windows")
    key = models.CharField(_("key"), max_length=320)
    until = models.DateTimeField(_("until"))
    suppressed = models.PositiveIntegerField(_("held back"), default=0)

    class Meta:
        verbose_name = _("repeat window")
        verbose_name_plural = _("repeat windows")
        constraints = [models.UniqueConstraint(fields=["rule", "key"], name="notify_window_rule_key")]

    def __str__(self) -> str:
        return f"{self.rule_id} {self.key}"
