"""Sites, zones, racks."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.decorators import display

from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.confirm import ConfirmPage, Effect, ReasonForm
from hashinsight.common.admin.display import Badge, number_text, percent_text
from hashinsight.common.admin.history import HistorySource
from hashinsight.common.admin.inlines import BaseInline
from hosting import rules
from hosting.admin import labels
from hosting.admin.chart_pages import RackMapPage
from hosting.admin.usage import figures_link
from hosting.domain import places
from hosting.domain.place_counts import with_load
from hosting.enums import PlaceStatus
from hosting.models import Rack, Site, SiteHoliday, Zone


class PlacePage(ConfirmPage):
    """What the two moves of a place share."""

    power = "archive_site"
    form_class = ReasonForm
    target: PlaceStatus

    def effect(self) -> Effect:
        """What stands there, and the change of status."""
        place = self.objects[0]
        load = places.load_of(place)
        return Effect(
            facts=[
                (_("machines"), load.machines),
                (_("placed by nameplate"), f"{number_text(load.placed_kw)} kW"),
            ],
            changes=[(_("status"), place.get_status_display(), self.target.label)],
        )


class ArchivePage(PlacePage):
    """Take no more machines there."""

    label = gettext_lazy("Archive")
    icon = "archive"
    danger = True
    title = gettext_lazy("Archive")
    button = gettext_lazy("Archive")
    target = PlaceStatus.INACTIVE

    def run(self, obj: Any, form: Any) -> Any:
        """One domain call."""
        places.archive(obj, by=self.request.user, reason=form.cleaned_data["reason"])

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("Archived: no machine is placed there any more.")


class TakeIntoUsePage(PlacePage):
    """Undo it."""

    label = gettext_lazy("Take into use")
    icon = "unarchive"
    title = gettext_lazy("Take into use")
    button = gettext_lazy("Take into use")
    target = PlaceStatus.ACTIVE

    def run(self, obj: Any, form: Any) -> Any:
        """One domain call."""
        places.take_into_use(obj, by=self.request.user, reason=form.cleaned_data["reason"])

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("In use: machines can be placed there.")


class PlaceAdmin(BaseAdmin):
    """What pages of sites and zones share."""

    pages = {"archive": ArchivePage, "use": TakeIntoUsePage}
    has_archive_site_permission = power(rules.may_archive_site)

    @display(description=gettext_lazy("status"), label=labels.PLACE, ordering="status")
    def status_shown(self, place: Any) -> Any:
        return Badge(place.status, place.get_status_display())

    @display(description=gettext_lazy("capacity (kW)"), ordering="capacity_kw")
    def capacity_shown(self, place: Any) -> str:
        return number_text(place.capacity_kw)

    @admin.display(description=gettext_lazy("placed by nameplate"))
    def load_shown(self, place: Any) -> str:
        if place.pk is None:
            return ""
        load = places.load_of(place)
        text = _("%(kw)s kW, %(count)s machines") % {"kw": number_text(load.placed_kw), "count": load.machines}
        return text if not load.unknown else _("%(load)s, %(n)s of unknown power") % {"load": text, "n": load.unknown}

    def get_queryset(self, request: HttpRequest) -> Any:
        """In the list with what stands there, counted in the same query."""
        rows = super().get_queryset(request)
        match = request.resolver_match
        return with_load(rows) if match is not None and str(match.url_name).endswith("_changelist") else rows

    @admin.display(description=gettext_lazy("machines"), ordering="machines_here")
    def machines_shown(self, place: Any) -> str:
        """All, and those meant to run."""
        return f"{number_text(Decimal(place.machines_here))} ({number_text(Decimal(place.active_here))})"

    @admin.display(description=gettext_lazy("placed (kW)"), ordering="placed_w")
    def placed_shown(self, place: Any) -> str:
        return number_text(Decimal(place.placed_w) / places.THOUSAND)

    @admin.display(description=gettext_lazy("use of the capacity"), ordering="use")
    def use_shown(self, place: Any) -> str:
        return "–" if place.use is None else percent_text(place.use)

    def offered(self, request: HttpRequest, obj: Any) -> set[str]:
        """The move there is, and what can always be looked at."""
        return {"map", "archive" if obj.status == PlaceStatus.ACTIVE else "use"}


class HolidayInline(BaseInline):
    """Holidays of a site."""

    model = SiteHoliday
    fields = ("day", "name")
    ordering = ("day",)
    tab = True


@admin.register(Site)
class SiteAdmin(PlaceAdmin):
    """Sites."""

    list_display = (
        "name", "location", "status_shown", "capacity_shown", "placed_shown", "use_shown", "machines_shown",
        "time_zone", "currency",
    )  # fmt: skip
    list_filter = (("status", ChoicesDropdownFilter), ("currency", ChoicesDropdownFilter))
    search_fields = ("name", "location")
    ordering = ("name",)
    fieldsets = (
        (None, {"fields": (("name", "status"), ("location", "country"), ("time_zone", "legal_entity"))}),
        (
            gettext_lazy("Power"),
            {"fields": (("capacity_kw", "load_shown"), ("pue", "collection_interval_s"), "energy_series")},
        ),
        (gettext_lazy("Cost"), {"fields": (("energy_cost_per_kwh", "currency"),)}),
        (gettext_lazy("More"), {"classes": ["collapse"], "fields": ("internal_note",)}),
    )
    readonly_fields = ("status", "load_shown")
    inlines = (HolidayInline,)
    history_children = (HistorySource(SiteHoliday, "site_id"),)

    def save_model(self, request: HttpRequest, obj: Site, form: Any, change: bool) -> None:
        """A new one through the domain."""
        if change:
            super().save_model(request, obj, form, change)
        else:
            self.adopt(obj, places.create_site(at=timezone.now(), **form.cleaned_data))


@admin.register(Zone)
class ZoneAdmin(PlaceAdmin):
    """Zones."""

    pages = {**PlaceAdmin.pages, "map": RackMapPage}

    list_display = (
        "name", "site", "status_shown", "capacity_shown", "placed_shown", "use_shown", "machines_shown",
        "max_utilisation_percent", "phases",
    )  # fmt: skip
    list_select_related = ("site",)
    list_filter = (("site", AutocompleteSelectFilter), ("status", ChoicesDropdownFilter))
    search_fields = ("name", "site__name")
    ordering = ("site__name", "name")
    fieldsets = (
        (None, {"fields": (("site", "name", "status"), ("capacity_kw", "max_utilisation_percent", "phases"))}),
        (gettext_lazy("Power"), {"fields": (("load_shown", "demand_shown"),)}),
    )
    readonly_fields = ("status", "load_shown", "demand_shown")

    @admin.display(description=gettext_lazy("demand"))
    def demand_shown(self, zone: Zone) -> Any:
        return figures_link(self.admin_site, zone) if zone.pk else ""

    def save_model(self, request: HttpRequest, obj: Zone, form: Any, change: bool) -> None:
        """A new one through the domain."""
        if change:
            super().save_model(request, obj, form, change)
        else:
            self.adopt(obj, places.create_zone(at=timezone.now(), **form.cleaned_data))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A zone stays at its site."""
        fixed = ("site",) if obj is not None else ()
        return (*super().get_readonly_fields(request, obj), *fixed)


@admin.register(Rack)
class RackAdmin(BaseAdmin):
    """Racks."""

    list_display = ("name", "building", "row", "zone", "slots")
    list_select_related = ("zone__site",)
    list_filter = (("zone", AutocompleteSelectFilter),)
    search_fields = ("name", "building", "row", "zone__name", "zone__site__name")
    ordering = ("zone__site__name", "zone__name", "building", "row", "name")
    fields = ("zone", ("building", "row", "name"), ("slots", "columns"))

    def save_model(self, request: HttpRequest, obj: Rack, form: Any, change: bool) -> None:
        """A new one through the domain."""
        if change:
            super().save_model(request, obj, form, change)
        else:
            self.adopt(obj, places.create_rack(at=timezone.now(), **form.cleaned_data))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A rack stays in its zone; machines may stand in it."""
        fixed = ("zone",) if obj is not None else ()
        return (*super().get_readonly_fields(request, obj), *fixed)
