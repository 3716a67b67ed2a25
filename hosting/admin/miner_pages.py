"""What can be done with machines: one, those chosen in the list, or a pasted list. Effect first, then all or none."""

from collections import Counter
from decimal import Decimal
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from hashinsight.common.admin.confirm import ConfirmForm, ConfirmPage, Effect, ReasonForm, Table
from hashinsight.common.admin.display import number_text
from hosting.domain import fleet, places
from hosting.enums import MinerIntent
from hosting.forms.fleet import AssignForm, CurtailmentForm, IntentForm, PlaceForm, pasted
from hosting.models import Miner

MOST_SHOWN = 20
MOST_WORDS_SHOWN = 50


def _listed(words: list[str]) -> str:
    more = "" if len(words) <= MOST_WORDS_SHOWN else f" … ({len(words)})"
    return ", ".join(words[:MOST_WORDS_SHOWN]) + more


def _unknown(words: list[str]) -> str:
    return _("Nobody knows %(words)s: left out.") % {"words": _listed(words)} if words else ""


def _several(words: list[str]) -> str:
    return _("More than one machine is called %(words)s: left out.") % {"words": _listed(words)} if words else ""


class MinersPage(ConfirmPage):
    """One domain call for all machines. Without any chosen it asks for a pasted list and shows its effect first."""

    for_many = True
    for_none = True
    at_once = True
    preview_button = gettext_lazy("Look at the effect")

    def find(self, request: HttpRequest, object_id: str | None) -> list[Any]:
        """Those of the address; none where a list is to be pasted."""
        if object_id is None and "ids" not in request.GET:
            return []
        vars(self)["for_none"] = False  # of this request's page only
        return super().find(request, object_id)

    def make_form(self, data: Any) -> Any:
        """With room for a list where nothing was chosen."""
        self.is_pasted = not self.objects
        if not self.is_pasted:
            return super().make_form(data)
        form_class = pasted(self.form_class)
        form: Any = form_class(data, initial=self.initial(), objects=[], request=self.request)
        form.rows = self.model_admin.get_queryset(self.request)
        return form

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """A pasted list is looked up first; what it does is shown before it is done."""
        form = self.form = self.make_form(request.POST)
        if self.is_pasted and form.is_valid():
            self.objects = form.cleaned_data["machines"].miners
            if request.POST.get("seen") != self.fingerprint():
                return self.show(form)
        return super().post(request, *args, **kwargs)

    @property
    def is_single(self) -> bool:
        """Opened from the page of one machine."""
        return super().is_single and not getattr(self, "is_pasted", False)

    def effect(self) -> Effect:
        """Which machines, what they draw, and what of the pasted list nobody knows."""
        miners = self.objects
        effect = Effect()
        if miners:
            kw = Decimal(sum(miner.nameplate_w or 0 for miner in miners)) / places.THOUSAND
            effect.facts = [(_("machines"), len(miners)), (_("nameplate power"), f"{number_text(kw)} kW")]
            stand = Counter(str(miner.zone or miner.site or _("nowhere")) for miner in miners)
            effect.facts += [(_("in %(place)s") % {"place": place}, n) for place, n in stand.most_common(5)]
            effect.tables = [self.table(miners)]
        found = getattr(self.form, "cleaned_data", {}).get("machines")
        if found is not None:
            effect.warnings = [text for text in (_unknown(found.unknown), _several(found.several)) if text]
        return effect

    def table(self, miners: list[Miner]) -> Table:
        """The first of them."""
        rows = [
            (
                miner.serial,
                miner.model or miner.model_text,
                miner.zone or miner.site or "",
                miner.customer or "",
                miner.get_intent_display(),
            )
            for miner in miners[:MOST_SHOWN]
        ]
        title = "" if len(miners) <= MOST_SHOWN else _("The first %(n)s") % {"n": MOST_SHOWN}
        headers = (_("serial number"), _("model"), _("place"), _("customer"), _("intent"))
        return Table(headers, rows, title=title)

    def done(self, count: int) -> str:
        """Said afterwards."""
        return ngettext("Done for %(n)s machine.", "Done for %(n)s machines.", count) % {"n": count}


class PlaceMinersPage(MinersPage):
    """Into a place."""

    power = "place_miner"
    label = list_label = gettext_lazy("Place or move")
    icon = "move_down"
    title = gettext_lazy("Place or move machines")
    button = gettext_lazy("Place them")
    form_class: ClassVar[type[ConfirmForm]] = PlaceForm

    def effect(self) -> Effect:
        """And how much room there is."""
        effect = super().effect()
        data = getattr(self.form, "cleaned_data", {}) if self.form.is_bound else {}
        for place in (data.get("zone"), data.get("site")):
            if place is not None:
                load = places.load_of(place, without=[miner.pk for miner in self.objects])
                usable = place.capacity_kw if place == data.get("site") else place.usable_kw
                free = number_text(usable - load.placed_kw)
                effect.facts.append((_("free in %(place)s without them") % {"place": place}, f"{free} kW"))
        return effect

    def run_all(self, objects: list[Any], form: Any) -> Any:
        """One domain call."""
        fleet.place_miners(
            objects,
            spot=form.spot(objects),
            by=self.request.user,
            at=timezone.now(),
            reason=form.cleaned_data["reason"],
        )


class AssignMinersPage(MinersPage):
    """To a customer."""

    power = "assign_miner"
    label = list_label = gettext_lazy("Assign")
    icon = "person_add"
    title = gettext_lazy("Assign machines to a customer")
    button = gettext_lazy("Assign them")
    form_class: ClassVar[type[ConfirmForm]] = AssignForm

    def run_all(self, objects: list[Any], form: Any) -> Any:
        """One domain call."""
        data = form.cleaned_data
        fleet.assign_miners(
            objects,
            customer=data["customer"],
            since=data["since"],
            by=self.request.user,
            at=timezone.now(),
            reason=data["reason"],
        )


class IntentPage(MinersPage):
    """What they should do."""

    power = "switch_miner"
    label = list_label = gettext_lazy("Change intent")
    icon = "toggle_on"
    title = gettext_lazy("What machines should do")
    button = gettext_lazy("Change it")
    form_class: ClassVar[type[ConfirmForm]] = IntentForm

    def run_all(self, objects: list[Any], form: Any) -> Any:
        """One domain call."""
        data = form.cleaned_data
        fleet.set_intent(objects, to=data["to"], by=self.request.user, at=timezone.now(), reason=data["reason"])


class CurtailmentPage(MinersPage):
    """Whether they may be curtailed: a group of machines is protected with one form."""

    power = "switch_miner"
    label = list_label = gettext_lazy("Protect from curtailment")
    icon = "shield"
    title = gettext_lazy("May these machines be curtailed?")
    button = gettext_lazy("Change it")
    form_class: ClassVar[type[ConfirmForm]] = CurtailmentForm

    def effect(self) -> Effect:
        """And what holds now."""
        effect = super().effect()
        parts = Counter(miner.get_curtailment_display() for miner in self.objects)
        effect.facts += [(part, count) for part, count in parts.items()]
        return effect

    def run_all(self, objects: list[Any], form: Any) -> Any:
        """One domain call."""
        data = form.cleaned_data
        fleet.set_curtailment(objects, to=data["to"], by=self.request.user, at=timezone.now(), reason=data["reason"])


class TakeOutPage(MinersPage):
    """Into the storeroom."""

    power = "place_miner"
    label = list_label = gettext_lazy("Take out")
    icon = "output"
    title = gettext_lazy("Take machines out of their places")
    button = gettext_lazy("Take them out")
    form_class: ClassVar[type[ConfirmForm]] = ReasonForm

    def run_all(self, objects: list[Any], form: Any) -> Any:
        """One domain call."""
        reason = form.cleaned_data["reason"]
        fleet.take_out_miners(objects, by=self.request.user, at=timezone.now(), reason=reason)


class RetirePage(MinersPage):
    """For good."""

    power = "retire_miner"
    label = list_label = gettext_lazy("Retire")
    icon = "delete_sweep"
    danger = True
    title = gettext_lazy("Retire machines")
    button = gettext_lazy("Retire them")
    form_class: ClassVar[type[ConfirmForm]] = ReasonForm

    def effect(self) -> Effect:
        """And their states."""
        effect = super().effect()
        intents = Counter(miner.intent for miner in self.objects)
        effect.changes = [
            (f"{_('intent')} ({count})", MinerIntent(intent).label, MinerIntent.RETIRED.label)
            for intent, count in intents.items()
        ]
        return effect

    def run_all(self, objects: list[Any], form: Any) -> Any:
        """One domain call."""
        reason = form.cleaned_data["reason"]
        fleet.retire_miners(objects, by=self.request.user, at=timezone.now(), reason=reason)
