"""Machines that do not come back: shown on the live page of a site, and handed over to people."""

from typing import Any, ClassVar

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from curtailment.admin.clock import SiteClockMixin
from curtailment.admin.effects import DASH, watts_text
from curtailment.domain.control.handover import HandOverRefused, Stuck, hand_over, stuck_machines, who_acts
from hashinsight.common.admin.confirm import ConfirmForm, ConfirmPage, Effect, ReasonForm, Table
from hashinsight.common.admin.display import moment_text
from hosting.models import Miner


class HandOverForm(ReasonForm):
    """Which of them, and why."""

    machines: Any = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Machines"), queryset=None, required=False, widget=forms.CheckboxSelectMultiple
    )
    all_of_them = forms.BooleanField(label=gettext_lazy("All of them"), required=False)
    field_order = ("machines", "all_of_them", "reason")

    def build(self) -> None:
        """Those that do not come back."""
        stuck = [one.miner.pk for one in stuck_machines(self.obj, at=timezone.now())]
        field: Any = self.fields["machines"]
        field.queryset = Miner.objects.filter(pk__in=stuck).order_by("serial", "pk")


class HandOverPage(SiteClockMixin, ConfirmPage):
    """Somebody has switched them by hand, or sent them to repair."""

    power = "switch_miner"
    danger = True
    title = gettext_lazy("Hand machines over that do not come back")
    button = gettext_lazy("Hand over")
    form_class: ClassVar[type[ConfirmForm]] = HandOverForm

    def site(self) -> Any:
        """The object itself."""
        return self.objects[0]

    def effect(self) -> Effect:
        """Which they are, since when, who tries; and what it means."""
        stuck = stuck_machines(self.objects[0], at=timezone.now())
        if not stuck:
            raise HandOverRefused(_("All machines are back, or on their way."))
        headers = [_("machine"), _("plan"), _("off or lower since"), _("limit before"), _("who acts")]
        return Effect(
            tables=[Table(headers, [stuck_row(one) for one in stuck])],
            warnings=[
                _("Switch them by hand first. From then on they are in maintenance: nobody but people switches them,")
                + " "
                + _("and the plan is over for them. Set them to active when they are in order again."),
                *([_("Whoever had a limit before gets it back from you: we lowered it.")] if _lowered(stuck) else []),
            ],
        )

    def run(self, obj: Any, form: Any) -> Any:
        """One domain call."""
        data, now = form.cleaned_data, timezone.now()
        chosen = form.fields["machines"].queryset if data["all_of_them"] else data["machines"]
        self.count = len(
            hand_over(obj, [one.pk for one in chosen], reason=data["reason"], by=self.request.user, at=now)
        )

    def goes_to(self, worked: list[Any]) -> str:
        """To watch it."""
        return str(self.model_admin.url_of("curtailment", self.objects[0].pk))

    def done(self, count: int) -> str:
        """Said afterwards."""
        text = ngettext("%(count)s machine is handed over.", "%(count)s machines are handed over.", self.count)
        return text % {"count": self.count}


def _lowered(some: list[Stuck]) -> bool:
    return any(one.earlier_w is not None for one in some)


def stuck_row(one: Stuck) -> tuple[str, ...]:
    """As the page and the form show it."""
    since = moment_text(one.off_since) or DASH
    return str(one.miner), str(one.plan or DASH), since, watts_text(one.earlier_w), who_acts(one)
