"""Forms about machines: where to, whose, what for."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.models import Customer
from hashinsight.common.admin.confirm import ConfirmForm
from hosting.domain.finding import MOST_TOKENS, find_miners
from hosting.domain.fleet import Spot, quarter_hour
from hosting.enums import CurtailmentPart, MinerIntent, PlaceStatus
from hosting.models import Rack, Site, Zone

INTENTS = [choice for choice in MinerIntent.choices if choice[0] != MinerIntent.RETIRED]


def _reason() -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("Kept in the history."),
    )


class PlaceForm(ConfirmForm):
    """Where machines go."""

    site = forms.ModelChoiceField(Site.objects.none(), label=gettext_lazy("Site"))
    zone = forms.ModelChoiceField(Zone.objects.none(), label=gettext_lazy("Zone"), required=False)
    rack = forms.ModelChoiceField(Rack.objects.none(), label=gettext_lazy("Rack"), required=False)
    first_slot = forms.IntegerField(
        label=gettext_lazy("First slot"),
        required=False,
        min_value=1,
        help_text=gettext_lazy("The machines stand in this slot and those after it."),
    )
    reason = _reason()

    def build(self) -> None:
        """Places in use."""
        fields: dict[str, Any] = self.fields
        fields["site"].queryset = Site.objects.filter(status=PlaceStatus.ACTIVE).order_by("name")
        fields["zone"].queryset = (
            Zone.objects.filter(status=PlaceStatus.ACTIVE).select_related("site").order_by("site__name", "name")
        )
        fields["rack"].queryset = Rack.objects.order_by("zone__site__name", "zone__name", "building", "row", "name")
        self.fields["reason"].required = False

    def clean(self) -> dict[str, Any]:
        """The zone of the rack, the site of the zone."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        rack, zone = data.get("rack"), data.get("zone")
        if rack is not None and zone is None:
            zone = data["zone"] = rack.zone
        if zone is not None and data.get("site") is not None and zone.site_id != data["site"].pk:
            self.add_error("zone", _("%(zone)s is no zone of %(site)s.") % {"zone": zone, "site": data["site"]})
        if rack is not None and zone is not None and rack.zone_id != zone.pk:
            self.add_error("rack", _("%(rack)s stands in another zone.") % {"rack": rack})
        if data.get("first_slot") and rack is None:
            self.add_error("first_slot", _("A slot needs its rack; slots are counted from 1."))
        return data

    def spot(self, miners: list[Any]) -> Spot:
        """What the domain asks for."""
        data = self.cleaned_data
        first = data.get("first_slot")
        slots = {miner.pk: first + place for place, miner in enumerate(miners)} if first else None
        return Spot(data["site"], data.get("zone"), data.get("rack"), slots)


class AssignForm(ConfirmForm):
    """Whose machines are, and since when."""

    customer = forms.ModelChoiceField(
        Customer.objects.none(),
        label=gettext_lazy("Customer"),
        required=False,
        help_text=gettext_lazy("Empty: they are our own."),
    )
    since = forms.DateTimeField(
        label=gettext_lazy("Since"),
        required=False,
        help_text=gettext_lazy("A quarter-hour of now or the past. Empty: the one that has just begun."),
    )
    reason = _reason()

    def build(self) -> None:
        """Customers we do business with."""
        fields: dict[str, Any] = self.fields
        fields["customer"].queryset = Customer.objects.filter(status="active").order_by("company_name")
        self.fields["reason"].required = False

    def clean_since(self) -> Any:
        """Now, where nothing is said."""
        return self.cleaned_data["since"] or quarter_hour(timezone.now())


class IntentForm(ConfirmForm):
    """What machines should do."""

    to = forms.ChoiceField(label=gettext_lazy("They should be"), choices=INTENTS)
    reason = _reason()


class CurtailmentForm(ConfirmForm):
    """Whether machines may be curtailed."""

    to = forms.ChoiceField(label=gettext_lazy("In curtailments they"), choices=CurtailmentPart.choices)
    reason = _reason()


class PasteForm(ConfirmForm):
    """A list of machines; ``rows`` are those the person may see."""

    machines = forms.CharField(
        label=gettext_lazy("Machines"),
        widget=forms.Textarea(attrs={"rows": 8}),
        max_length=1_000_000,
        help_text=gettext_lazy("Serial numbers, IP or MAC addresses, separated by blanks, commas or line breaks."),
    )
    field_order = ("machines",)
    rows: Any = None

    def clean_machines(self) -> Any:
        """The machines instead of the text."""
        found = find_miners(self.cleaned_data["machines"], rows=self.rows)
        if found.too_many:
            raise forms.ValidationError(_("These are too many words; %(most)s at most.") % {"most": MOST_TOKENS})
        if not found.miners:
            raise forms.ValidationError(_("Nobody knows any of these machines."))
        return found


def pasted(form_class: type[ConfirmForm]) -> type[ConfirmForm]:
    """The form of a move with room for a list of machines above it."""
    return type(f"Pasted{form_class.__name__}", (PasteForm, form_class), {})
