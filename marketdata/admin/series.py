"""Price series and their values."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.contrib import admin
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    RangeDateTimeFilter,
)
from unfold.decorators import display

from hashinsight.common.admin.base import BaseAdmin, HouseForm, ViewOnlyAdmin
from hashinsight.common.admin.charting import Line, chart, csv_file
from hashinsight.common.admin.confirm import ConfirmPage, Effect
from hashinsight.common.admin.display import Badge, moment_text, number_text
from hashinsight.common.admin.object_page import ObjectPage
from hashinsight.common.outbound import OutboundRefused, check_url
from marketdata import rules
from marketdata.admin.import_pages import ImportPricesPage
from marketdata.clients.series_csv import check_csv_mapping
from marketdata.clients.series_json import BadMapping, check_mapping
from marketdata.domain import asking_series, prices
from marketdata.enums import Adapter, SeriesKind
from marketdata.models import PricePoint, PriceSeries
from marketdata.models.series import NO_CURRENCY
from marketdata.tasks import asker_for

PERIODS = {
    "day": (gettext_lazy("2 days"), 2),
    "week": (gettext_lazy("7 days"), 7),
    "month": (gettext_lazy("30 days"), 30),
}
MOST_POINTS = 800
CHECKS = {Adapter.JSON.value: check_mapping, Adapter.CSV.value: check_csv_mapping}


class SeriesForm(HouseForm):
    """A mapping that can be used, an address that may be called, a zone there is."""

    def clean_time_zone(self) -> str:
        """Known here."""
        name: str = self.cleaned_data["time_zone"]
        if name not in available_timezones():
            raise forms.ValidationError(_("This time zone is not known, as Europe/Berlin is."))
        return name

    def clean_currency(self) -> str:
        """Three capital letters."""
        code: str = self.cleaned_data["currency"].upper()
        if not (len(code) == 3 and code.isascii() and code.isalpha()):
            raise forms.ValidationError(_("A currency is three letters, as EUR."))
        return code

    def clean(self) -> dict[str, Any]:
        """What belongs together."""
        data = super().clean() or {}
        if data.get("kind") == SeriesKind.LOAD and (data.get("unit"), data.get("currency")) != ("MW", NO_CURRENCY):
            self.add_error("unit", _("A load is in MW, and its currency is XXX (none)."))
        check = CHECKS.get(data.get("adapter", ""))
        if check is not None:
            try:
                check(data.get("mapping") or {})
            except BadMapping as error:
                self.add_error("mapping", str(error))
            if data.get("url"):
                try:
                    check_url(data["url"])
                except OutboundRefused as error:
                    self.add_error("url", str(error))
        return data


class SeriesChartPage(ObjectPage):
    """Values as they are known now, with their gaps; as CSV too."""

    power = "view"
    label = gettext_lazy("Chart")
    icon = "monitoring"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The page, or the file."""
        series: PriceSeries = self.objects[0]
        at = timezone.now()
        wanted = request.GET.get("period", "")
        period = wanted if wanted in PERIODS else "week"
        end = self.end(series, at)
        start = end - timedelta(days=PERIODS[period][1])
        known = prices.best_known(series, start=start, end=end, at=at)
        if request.GET.get("csv") == "1":
            headers = ["start_utc", "end_utc", "value", "known_since", "version", "settled"]
            return csv_file(f"{series.code}-{period}", headers, prices.rows_for_file(known))
        page = self.model_admin
        now = prices.standing(series, at=at)
        holes = prices.gaps(known, start=start, end=end) if known else []
        context = {
            **page.admin_site.each_context(request),
            "title": _("Chart of %(series)s") % {"series": series},
            "subtitle": None, "opts": page.opts, "object": series, "back_url": self.back_url(),
            "periods": [(name, label, name == period) for name, (label, _days) in PERIODS.items()],
            "data": self.picture(series, known, start, end), "has_values": bool(known), "unit": series.per,
            "csv": f"?period={period}&csv=1",
            "facts": [
                (_("now"), f"{number_text(now.current.value)} {series.per}" if now.current else "–"),
                (_("known up to"), moment_text(now.last_end) or "–"),
                (_("lowest"), number_text(min((one.value for one in known), default=None))),
                (_("highest"), number_text(max((one.value for one in known), default=None))),
                (_("intervals below zero"), sum(one.value < 0 for one in known)),
                (_("gaps"), len(holes)),
            ],
            "stale": now.is_stale, "trouble": series.trouble,
            "gaps": [(moment_text(one), moment_text(two)) for one, two in holes[:20]],
        }  # fmt: skip
        request.current_app = page.admin_site.name
        return TemplateResponse(request, "marketdata/admin/series.html", context)

    def end(self, series: PriceSeries, at: datetime) -> datetime:
        """Up to what is known ahead; of a series that stopped up to its last value."""
        last = prices.standing(series, at=at).last_end
        return last if last is not None else at

    def picture(self, series: PriceSeries, known: list[prices.Known], start: datetime, end: datetime) -> str:
        """One point per interval, or the mean of several; a gap is a gap."""
        step = timedelta(minutes=series.step_minutes)
        count = max(1, -(-int((end - start) / step) // MOST_POINTS))
        values = {one.start: float(one.value) for one in known}
        zone = ZoneInfo(series.time_zone)
        first = min(values, default=start)
        labels, line = [], []
        moment = first
        while moment < end:
            parts = [values[at] for number in range(count) if (at := moment + step * number) in values]
            labels.append(date_format(moment.astimezone(zone), "j.n. H:i"))
            line.append(sum(parts) / len(parts) if parts else None)
            moment += step * count
        return chart(labels, [Line(series.name, line, stepped=count == 1)], unit=series.per)


class AskNowPage(ConfirmPage):
    """Ask the address once, now."""

    power = "import_market"
    label = gettext_lazy("Ask now")
    icon = "sync"
    title = gettext_lazy("Ask for new values now")
    button = gettext_lazy("Ask now")

    def effect(self) -> Effect:
        """Where to."""
        series = self.objects[0]
        return Effect(facts=[(_("address"), series.url), (_("last good answer"), moment_text(series.answered_at))])

    def run(self, obj: PriceSeries, form: Any) -> Any:
        """One domain call."""
        return asking_series.ask_series(obj, at=timezone.now(), asker_for=asker_for)


@admin.register(PriceSeries)
class PriceSeriesAdmin(BaseAdmin):
    """Series people enter, import into, and have asked for."""

    form = SeriesForm
    list_display = (
        "name",
        "kind",
        "market_zone",
        "per_shown",
        "step_minutes",
        "known_up_to",
        "state_shown",
        "is_active",
    )
    list_filter = (("kind", ChoicesDropdownFilter), ("is_active", BooleanRadioFilter))
    search_fields = ("name", "code", "market_zone")
    ordering = ("name",)
    fieldsets = (
        (None, {"fields": (("name", "code", "is_active"), ("kind", "market_zone"), "source")}),
        (
            gettext_lazy("Values"),
            {
                "fields": (
                    ("currency", "unit"), ("step_minutes", "time_zone"), "known_from", ("lowest", "highest"),
                )
            },
        ),
        (
            gettext_lazy("Where new values come from"),
            {
                "fields": (
                    "adapter", "url", "mapping", ("every_minutes", "stale_after_minutes"),
                    ("asked_at", "answered_at"), "trouble",
                )
            },
        ),
    )  # fmt: skip
    readonly_fields = ("asked_at", "answered_at", "trouble")
    prepopulated_fields = {"code": ("name",)}
    pages = {"chart": SeriesChartPage, "import": ImportPricesPage, "ask": AskNowPage}

    def has_import_market_permission(self, request: HttpRequest) -> bool:
        """Whoever may import prices."""
        return rules.may_import_market(request.user)

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the end of the last known interval."""
        newest = PricePoint.objects.filter(series=OuterRef("pk")).order_by("-starts_at").values("ends_at")[:1]
        return super().get_queryset(request).annotate(last_end=Subquery(newest))

    def offered(self, request: HttpRequest, obj: Any) -> set[str]:
        """Asking needs an address."""
        return set(self.pages) - ({"ask"} if obj.adapter == Adapter.NONE else set())

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The grid and the unit of values that are there cannot change under them."""
        fields = super().get_readonly_fields(request, obj)
        if obj is not None and PricePoint.objects.filter(series=obj).exists():
            return (*fields, "step_minutes", "currency", "unit", "kind")
        return fields

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only while it is new: programs know a series by its code."""
        return {} if obj is not None else self.prepopulated_fields

    @display(description=gettext_lazy("unit"))
    def per_shown(self, row: PriceSeries) -> str:
        return row.per

    @display(description=gettext_lazy("known up to"))
    def known_up_to(self, row: Any) -> str:
        return moment_text(row.last_end) or "–"

    @display(description=gettext_lazy("state"), label={"fresh": "success", "stale": "warning", "failed": "danger"})
    def state_shown(self, row: Any) -> Any:
        if row.trouble:
            return Badge("failed", _("no answer"))
        late = timezone.now() - timedelta(minutes=row.stale_after_minutes)
        if row.adapter != Adapter.NONE and (row.last_end is None or row.last_end < late):
            return Badge("stale", _("stale"))
        return Badge("fresh", _("fine"))


@admin.register(PricePoint)
class PricePointAdmin(ViewOnlyAdmin):
    """Values, every version."""

    list_display = (
        "starts_at",
        "series",
        "value_shown",
        "issued_at",
        "version",
        "is_settled",
        "is_withdrawn",
        "source",
    )
    list_filter = (
        ("series", AutocompleteSelectFilter), ("starts_at", RangeDateTimeFilter), ("is_settled", BooleanRadioFilter),
        ("is_withdrawn", BooleanRadioFilter),
    )  # fmt: skip
    list_select_related = ("series",)
    ordering = ("-starts_at", "-id")
    show_full_result_count = False

    @display(description=gettext_lazy("value"), ordering="value")
    def value_shown(self, row: PricePoint) -> str:
        return f"{number_text(row.value)} {row.series.per}"
