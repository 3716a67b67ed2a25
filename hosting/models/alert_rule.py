"""When people are told about machines, as they say themselves."""

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.models.fields import NameField
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.scoping import ScopedQuerySet
from hashinsight.notify.enums import Severity
from hosting.enums import MinerAlertKind


@tracked()
class MinerAlertRule(BaseModel):
    """When a machine that should hash is worth an alert: a figure beyond a threshold for some minutes.

    Of many machines in one zone one alert tells. Who hears of it, when and how, is a matter of notification rules.
    """

    name = NameField(_("name"), max_length=100, unique=True)
    kind = models.CharField(_("what is watched"), max_length=16, choices=MinerAlertKind.choices)
    threshold = models.DecimalField(
        _("threshold"),
        max_digits=9,
        decimal_places=2,
        validators=[MinValueValidator(0)],
        help_text=_("In the unit of what is watched; a silent zone has none: write 0."),
    )
    minutes = models.PositiveIntegerField(_("for so many minutes"), default=10, validators=[MinValueValidator(1)])
    severity = models.CharField(_("severity"), max_length=16, choices=Severity.choices, default=Severity.WARNING)
    site = models.ForeignKey(
        "hosting.Site", verbose_name=_("site"), null=True, blank=True, on_delete=models.CASCADE, related_name="+",
        help_text=_("Empty: all."),
    )  # fmt: skip
    zone = models.ForeignKey(
        "hosting.Zone", verbose_name=_("zone"), null=True, blank=True, on_delete=models.CASCADE, related_name="+",
        help_text=_("Empty: all."),
    )  # fmt: skip
    model = models.ForeignKey(
        "hosting.MinerModel", verbose_name=_("model"), null=True, blank=True, on_delete=models.CASCADE,
        related_name="+", help_text=_("Empty: all."),
    )  # fmt: skip
    summary_above = models.PositiveSmallIntegerField(
        _("one alert for the zone above"),
        default=5,
        validators=[MinValueValidator(1)],
        help_text=_("So many machines of a zone have alerts of their own."),
    )
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("alert rule for machines")
        verbose_name_plural = _("alert rules for machines")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=MinerAlertKind.values), name="hosting_alert_rule_kind_known"),
            models.CheckConstraint(condition=Q(severity__in=Severity.values), name="hosting_alert_rule_severity_known"),
            models.CheckConstraint(condition=Q(threshold__gte=0), name="hosting_alert_rule_threshold"),
            models.CheckConstraint(condition=Q(minutes__gte=1), name="hosting_alert_rule_minutes"),
        ]

    def __str__(self) -> str:
        return self.name


class ShippedAlertRule(models.Model):
    """A rule that came with the product and was made here once; whoever deletes it keeps it deleted."""

    key = models.CharField(_("key"), max_length=50, primary_key=True)
    made_at = models.DateTimeField(_("made at"))

    class Meta:
        verbose_name = _("alert rule that was shipped")
        verbose_name_plural = _("alert rules that were shipped")

    def __str__(self) -> str:
        return self.key


class MinerBreach(models.Model):
    """A machine that breaks a rule, and since when; gone when it no longer does."""

    rule = models.ForeignKey(MinerAlertRule, verbose_name=_("rule"), on_delete=models.CASCADE, related_name="breaches")
    miner = models.ForeignKey("hosting.Miner", verbose_name=_("miner"), on_delete=models.CASCADE, related_name="+")
    since = models.DateTimeField(_("since"))
    value = models.FloatField(_("value"))

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("broken alert rule")
        verbose_name_plural = _("broken alert rules")
        constraints = [models.UniqueConstraint(fields=["rule", "miner"], name="hosting_breach_once")]

    def __str__(self) -> str:
        return f"{self.rule_id} {self.miner_id}"
