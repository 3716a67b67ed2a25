"""Strike prices: above them energy is too dear to mine."""

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from curtailment.engine.strike import Adders, Patience
from curtailment.enums import StrikeBasis
from curtailment.models.acting import ActingRule, rule_constraints
from hashinsight.common.audit import tracked
from hosting.models.fields import PercentField, UnitPriceField

MOST_WINDOWS = 288


def _windows(label: Any, standard: int) -> models.PositiveSmallIntegerField:
    return models.PositiveSmallIntegerField(
        label, default=standard, validators=[MinValueValidator(1), MaxValueValidator(MOST_WINDOWS)]
    )


def _adder(label: Any) -> UnitPriceField:
    return UnitPriceField(label, default=0, help_text=_("Per kWh, as far as it is saved when nothing is drawn."))


@tracked(quiet=["state", "evaluated_at"])
class StrikeRule(ActingRule):
    """At a site, machines go off while a kWh costs more than it earns, and on again when it does not.

    What a kWh costs is the price of the series with what is saved beside it (network, losses, ancillary services);
    what is paid anyway does not count. The strikes are typed, or follow what each model earns.
    """

    series = models.ForeignKey(
        "marketdata.PriceSeries",
        verbose_name=_("energy prices"),
        on_delete=models.PROTECT,
        related_name="+",
        limit_choices_to={"kind": "energy"},
    )
    basis = models.CharField(_("compared with"), max_length=12, choices=StrikeBasis.choices, default=StrikeBasis.PRICE)
    strike = UnitPriceField(
        _("strike (per kWh)"), null=True, blank=True, help_text=_("Above it for some windows: off.")
    )
    high_strike = UnitPriceField(
        _("high strike (per kWh)"), null=True, blank=True, help_text=_("Above it: off at once. Empty: none.")
    )
    resume_below = UnitPriceField(
        _("on again below (per kWh)"), null=True, blank=True, help_text=_("Empty: the strike.")
    )
    resume_margin_percent = PercentField(
        _("on again so far below break-even (%)"), default=5, help_text=_("Where break-even is compared with.")
    )
    pool_fee_percent = PercentField(_("pool fee (%)"), default=0, help_text=_("Where break-even is compared with."))
    windows_off = _windows(_("windows until off"), 3)
    windows_on = _windows(_("windows until on"), 3)
    network_per_kwh = _adder(_("network charges"))
    ancillary_per_kwh = _adder(_("ancillary services"))
    losses_percent = PercentField(_("losses (%)"), default=0, help_text=_("Of each kWh, at the price of the market."))

    class Meta:
        verbose_name = _("strike price")
        verbose_name_plural = _("strike prices")
        ordering = ["site__name", "name"]
        constraints = [
            *rule_constraints("curtailment_strike"),
            models.UniqueConstraint(
                fields=["site", "name"], name="curtailment_strike_name_once",
                violation_error_message=_("There is a rule of this name at the site."),
            ),
            models.CheckConstraint(
                condition=Q(basis=StrikeBasis.BREAK_EVEN)
                | Q(basis=StrikeBasis.PRICE, strike__isnull=False, goal_kw__isnull=False),
                name="curtailment_strike_basis_whole",
                violation_error_message=_("State the strike and how much is to go off."),
            ),
            models.CheckConstraint(
                condition=(Q(resume_below=None) | Q(resume_below__lte=F("strike")))
                & (Q(high_strike=None) | Q(high_strike__gte=F("strike"))),
                name="curtailment_strike_order",
                violation_error_message=_("On again below, strike, high strike: in this order."),
            ),
        ]  # fmt: skip

    @property
    def adders(self) -> Adders:
        """What is saved beside the price."""
        return Adders(self.network_per_kwh, self.ancillary_per_kwh, self.losses_percent)

    @property
    def patience(self) -> Patience:
        """Windows until off and on."""
        return Patience(self.windows_off, self.windows_on)
