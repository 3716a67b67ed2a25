"""Pages of one meter: its power beside what the machines say, a file of readings, and a register that begins anew."""

import secrets
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib import messages
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashinsight.common.admin.charting import Line, chart, csv_file
from hashinsight.common.admin.confirm import ConfirmForm, ConfirmPage, Effect
from hashinsight.common.admin.display import day_text, moment_text, number_text
from hashinsight.common.admin.importing import KEEP_SECONDS, ImportPage, UploadForm
from hashinsight.common.admin.object_page import ObjectPage
from hashinsight.common.uploads import CSV, XLSX, UploadField
from hosting.domain.meters import importing, keeping
from hosting.domain.meters.loads import newest_power, patience
from hosting.domain.meters.showing import Day, Story, story_of
from hosting.domain.meters.storing import in_doubt
from hosting.forms.meters import ChangeForm
from hosting.meter_enums import MeterFeed
from hosting.models import Meter

PERIODS = {"1": gettext_lazy("24 hours"), "7": gettext_lazy("7 days"), "30": gettext_lazy("30 days")}
MOST_GAPS, MOST_PROBLEMS = 20, 200


class PowerPage(ObjectPage):
    """Power over time, the last reading, gaps, and the difference to the sum of the machines; as CSV too."""

    power = "view"
    label = gettext_lazy("Power")
    icon = "monitoring"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The page, or its quarter-hours as a file."""
        meter, at = self.objects[0], timezone.now()
        days = request.GET.get("days") if request.GET.get("days") in PERIODS else "1"
        story = story_of(meter, start=at - timedelta(days=int(days or 1)), end=at)
        if "csv" in request.GET:
            moments = sorted({*story.meter, *story.machines})
            rows = ((one.isoformat(), story.meter.get(one), story.machines.get(one)) for one in moments)
            return csv_file(f"meter-{meter.name}", ["quarter_hour_utc", "meter_kw", "machines_kw"], rows)
        page = self.model_admin
        context = {
            **page.admin_site.each_context(request),
            "title": _("Power of %(meter)s") % {"meter": meter}, "subtitle": None, "opts": page.opts, "object": meter,
            "back_url": self.back_url(), "periods": [(key, text, key == days) for key, text in PERIODS.items()],
            "facts": _facts(meter, at), "picture": _picture(story, days or "1") if story.meter else "",
            "csv": f"?days={days}&csv=1", "days": [_day(one) for one in story.days],
            "gaps": [(moment_text(one), moment_text(two)) for one, two in story.gaps[:MOST_GAPS]],
            "gap_count": len(story.gaps),
        }  # fmt: skip
        request.current_app = page.admin_site.name
        return TemplateResponse(request, "hosting/admin/meter.html", context)


def _facts(meter: Meter, at: Any) -> list[tuple[Any, Any]]:
    last = newest_power(meter, at=at)
    newest = meter.readings.order_by("-recorded_at").first()
    told = "–" if last is None or last.power_kw is None else f"{number_text(round(last.power_kw, 1))} kW"
    moment = moment_text(newest.recorded_at if newest else None) or _("never")
    if newest is not None and meter.feed != MeterFeed.FILE and at - newest.recorded_at > patience(meter):
        moment = _("%(moment)s: silent since") % {"moment": moment}
    register = "–" if newest is None or newest.register_kwh is None else f"{number_text(newest.register_kwh)} kWh"
    return [
        (_("power"), told), (_("last reading"), moment), (_("register"), register),
        (_("ratio of the transformers"), number_text(meter.ratio)),
        (_("put aside and not looked at"), str(in_doubt(meter))),
    ]  # fmt: skip


def _picture(story: Story, days: str) -> str:
    form = "H:i" if days == "1" else "j.n. H:i"
    steps = story.steps(story.meter)
    lines = [Line(_("meter"), [kw for _at, kw in steps], stepped=True)]
    if story.machines:
        lines.append(Line(_("sum of the machines"), [kw for _at, kw in story.steps(story.machines)], colour="past"))
    return chart([date_format(timezone.localtime(at), form) for at, _kw in steps], lines, unit="kW")


def _day(day: Day) -> dict[str, Any]:
    compared = day.compared > 0
    percent = day.difference_percent
    return {
        "day": day_text(day.day), "known": f"{day.known} / {day.all}",
        "meter": number_text(round(day.meter_kwh, 1)) if compared else "–",
        "machines": number_text(round(day.machines_kwh, 1)) if compared else "–",
        "compared": str(day.compared),
        "difference": "–" if percent is None else f"{'+' if percent > 0 else ''}{number_text(round(percent, 1))} %",
    }  # fmt: skip


class ReadingsForm(UploadForm):
    """The file."""

    file = UploadField(
        kinds=(CSV, XLSX), most_bytes=importing.LIMITS.bytes, label=gettext_lazy("File (CSV or XLSX)"),
        help_text=gettext_lazy("Up to 40,000 readings."),
    )  # fmt: skip


class ImportReadingsPage(ImportPage):
    """Upload, look at what would happen, confirm; all rows or none."""

    for_one = True
    for_none = False
    power = "import_meterreading"
    label = gettext_lazy("Import readings")
    icon = "upload_file"
    title = gettext_lazy("Import readings of a meter")
    form_class = ReadingsForm
    columns: ClassVar[tuple[tuple[str, Any, bool, Any], ...]] = (
        ("recorded_at", gettext_lazy("by the clock of the site, or with an offset"), True, "2026-11-29 10:15"),
        ("power_kw", gettext_lazy("power (kW), as the meter shows it"), False, "1234.5"),
        ("register_kwh", gettext_lazy("register (kWh), as the meter shows it"), False, "48211877.2"),
    )

    def take(self, content: bytes, name: str) -> HttpResponse:
        """The dry run. Raises FileRefused."""
        found = self.keep(content, name, dry_run=True)
        context: dict[str, Any] = {
            "form": self.form_class(), "sheet": found.sheet, "file_name": name, "problem_count": len(found.problems),
            "problems": found.problems[:MOST_PROBLEMS],
            "preview": list(zip(found.sheet.lines, found.sheet.rows, strict=True))[:20],
        }  # fmt: skip
        if not found.problems:
            context["token"] = token = secrets.token_urlsafe(16)
            cache.set(self._key(token), (name, content), KEEP_SECONDS)
        return self.show(context)

    def finish(self, request: HttpRequest, token: str) -> HttpResponse:
        """What was tried; what has changed since is found out now, and refused as a whole."""
        waiting = cache.get(self._key(token))
        if waiting is None or not cache.delete(self._key(token)):  # of two clicks only one takes the file
            messages.error(request, _("This file was imported already, or it is not kept any more."))
            return HttpResponseRedirect(request.path)
        name, content = waiting
        found = self.keep(content, name, dry_run=False)
        if found.problems:
            messages.error(request, _("Nothing was imported."))
            return self.show(
                {"form": self.form_class(), "problems": found.problems[:MOST_PROBLEMS],
                 "problem_count": len(found.problems), "sheet": found.sheet}
            )  # fmt: skip
        text = _("%(new)s readings are new, %(same)s were there already.")
        messages.success(request, text % {"new": found.stored, "same": found.duplicates})
        return HttpResponseRedirect(self.back_url())

    def keep(self, content: bytes, name: str, *, dry_run: bool) -> importing.Imported:
        """The one domain call."""
        return importing.import_readings(
            self.objects[0], content, name=name, by=self.request.user, at=timezone.now(), dry_run=dry_run
        )

    def described(self) -> list[dict[str, Any]]:
        """The columns."""
        return [
            {"name": name, "label": label, "required": needed, "choices": example}
            for name, label, needed, example in self.columns
        ]

    def show(self, context: dict[str, Any]) -> HttpResponse:
        """Back leads to the meter."""
        return super().show({"back_url": self.back_url(), **context})

    def _key(self, token: str) -> str:
        return f"{super()._key(token)}:{self.objects[0].pk}"


class RecordChangePage(ConfirmPage):
    """The register begins anew: it rolled over, or the meter was exchanged."""

    power = "record_meterchange"
    label = gettext_lazy("Roll-over or exchange")
    icon = "published_with_changes"
    title = gettext_lazy("Record that the register begins anew")
    button = gettext_lazy("Record it")
    form_class: ClassVar[type[ConfirmForm]] = ChangeForm

    def effect(self) -> Effect:
        """The last figure, and what waits."""
        meter = self.objects[0]
        last = meter.readings.filter(register_kwh__isnull=False).order_by("-recorded_at").first()
        shown = Decimal(0) if last is None else last.register_kwh / meter.ratio
        facts = [(_("meter"), str(meter)), (_("ratio of the transformers"), number_text(meter.ratio))]
        if last is not None:
            facts.append((_("last figure"), f"{number_text(shown)} kWh, {moment_text(last.recorded_at)}"))
        return Effect(
            facts=facts,
            warnings=[_("Figures of the register that were put aside since then are looked at again.")],
        )

    def run(self, obj: Meter, form: Any) -> Any:
        """One domain call."""
        said = form.cleaned_data
        keeping.record_change(
            obj, kind=said["kind"], changed_at=said["changed_at"], before=said["before"], after=said["after"],
            serial=said["serial"], reason=said["reason"], by=self.request.user, at=timezone.now(),
        )  # fmt: skip

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The change is recorded.")
