"""What is stated when a plan is moved by hand, and in an emergency."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from curtailment.forms.clock import ClockField, look_at, site_by_key
from curtailment.models import CurtailmentPlan
from hashinsight.common.admin.confirm import ConfirmForm, ReasonForm
from hashinsight.common.admin.forms import HouseForm
from hosting.models import Site

TIMES = ("starts_at", "ends_at")


class PlanForm(HouseForm):
    """A plan that is written or edited; its times by the clock of its site."""

    starts_at = ClockField(label=gettext_lazy("From"))
    ends_at = ClockField(label=gettext_lazy("To"), required=False)

    class Meta:
        model = CurtailmentPlan
        fields = ("site", "cause", "goal", "goal_kw", "selection", "starts_at", "ends_at", "is_open_ended", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        look_at(self, TIMES, self._site(), began=self.instance)

    def _site(self) -> Site | None:
        """That of the plan, else the one that is chosen in this form."""
        if self.instance.site_id is not None:
            return self.instance.site
        return site_by_key(self.data.get(self.add_prefix("site")) if self.is_bound else self.initial.get("site"))


class EndsAtForm(ConfirmForm):
    """The earlier end."""

    ends_at = ClockField(label=gettext_lazy("Ends at"))

    def build(self) -> None:
        """By the clock of the site of the plan."""
        look_at(self, ["ends_at"], self.obj.site, began=self.obj)


class ReviewForm(ConfirmForm):
    """What whoever looked at it says."""

    review = forms.CharField(
        label=gettext_lazy("Review"), max_length=300, widget=forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip


class EmergencyForm(ReasonForm):
    """How much, and why; the reason becomes that of a plan."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("In words; clients read it."),
    )
    kw = forms.DecimalField(
        label=gettext_lazy("Power to be off (kW)"),
        required=False,
        min_value=Decimal("0.001"),
        max_digits=14,
        decimal_places=3,
        help_text=gettext_lazy("Empty: all of it."),
    )
    field_order = ("reason", "kw")


class SwitchForm(ReasonForm):
    """Where nothing is switched any more."""

    site: Any = forms.ModelChoiceField(
        label=gettext_lazy("Site"), queryset=None, required=False, help_text=gettext_lazy("Empty: everywhere.")
    )
    field_order = ("site", "reason")

    def build(self) -> None:
        """All sites."""
        field: Any = self.fields["site"]
        field.queryset = Site.objects.order_by("name")
