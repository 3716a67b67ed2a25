"""Who is on call: weekly rows, dated shifts, and what comes of them in the next two weeks."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.history import HistorySource
from hashinsight.common.admin.inlines import BaseInline
from hashinsight.common.admin.zoned import ZonedPagesMixin
from hashinsight.notify.domain import oncall
from hashinsight.notify.models import Rota, RotaRow, RotaShift

SHOWN = timedelta(days=14)


class RowInline(BaseInline):
    """Hours of every week."""

    model = RotaRow
    fields = ("weekday", "begins", "ends", "person")
    ordering = ("weekday", "begins", "id")


class ShiftInline(BaseInline):
    """Who stands in for them, and when."""

    model = RotaShift
    verbose_name_plural = gettext_lazy("shifts on call, by the clock of the rota")
    fields = ("begins_at", "ends_at", "person")
    ordering = ("-begins_at", "-id")


@admin.register(Rota)
class RotaAdmin(ZonedPagesMixin, BaseAdmin):
    """Rotas."""

    empty_hint = gettext_lazy("A rota says who is on call when; an e-mail channel writes to whoever it names.")
    list_display = ("name", "time_zone", "now_shown", "is_seamless")
    search_fields = ("name",)
    ordering = ("name", "id")
    fieldsets = (
        (None, {"fields": (("name", "time_zone"), "is_seamless")}),
        (gettext_lazy("The next two weeks"), {"fields": ("plan_shown",)}),
    )
    readonly_fields = ("plan_shown",)
    inlines = (RowInline, ShiftInline)
    history_children = (HistorySource(RotaRow, "rota_id"), HistorySource(RotaShift, "rota_id"))

    def page_zone(self, request: HttpRequest, object_id: str | None) -> ZoneInfo:
        """That of the form, else that of the rota, so that shifts are typed and read like the weekly rows.

        A wrong name is the form's to refuse.
        """
        rota = self.get_object(request, object_id) if object_id else None
        name = request.POST.get("time_zone", "").strip() or (rota.time_zone if rota is not None else "UTC")
        return ZoneInfo(name if name in available_timezones() else "UTC")

    def get_queryset(self, request: HttpRequest) -> Any:
        """With all it takes to say who is on call."""
        return super().get_queryset(request).prefetch_related(*oncall.READ_WITH)

    @admin.display(description=gettext_lazy("on call now"))
    def now_shown(self, rota: Rota) -> str:
        """Names."""
        people = oncall.people_on_call(rota, at=timezone.now())
        return ", ".join(map(str, people)) or pgettext("on call", "nobody")

    @admin.display(description=gettext_lazy("on call"))
    def plan_shown(self, rota: Rota) -> Any:
        """By the clock of the rota."""
        if rota.pk is None:
            return ""
        now, zone = timezone.now(), ZoneInfo(rota.time_zone)
        plan = oncall.plan_of(rota, first=now, past=now + SHOWN)
        return format_html_join(
            "",
            "<div>{} – {}: {}</div>",
            (
                (
                    date_format(span.begins.astimezone(zone), "D j M H:i"),
                    date_format(span.ends.astimezone(zone), "D j M H:i"),
                    ", ".join(map(str, people)) or _("Nobody is on call."),
                )
                for span, people in plan
            ),
        )
