"""Programmes with their commitments and their signing secret."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Count, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import BooleanRadioFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from curtailment import rules
from curtailment.admin.effects import DASH
from curtailment.domain.dispatch import programmes
from curtailment.forms.programmes import RotateForm
from curtailment.models import Dispatch, Programme, ProgrammeCommitment
from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.confirm import ConfirmPage, Effect
from hashinsight.common.admin.display import Badge, link, moment_text
from hashinsight.common.admin.forms import refusal_texts
from hashinsight.common.admin.history import HistorySource
from hashinsight.common.admin.inlines import BaseInline
from hashinsight.common.errors import DomainError


def address_of(row: Programme) -> str:
    """Where the programme sends its messages."""
    return f"{settings.BASE_URL.rstrip('/')}/api/v1/dispatches/{row.public_id}/"


def secret_page(page: Any, request: HttpRequest, row: Programme, title: Any) -> HttpResponse:
    """The signing secret, on the answer to this one request and nowhere else."""
    context = {
        **page.admin_site.each_context(request), "title": title, "subtitle": None, "opts": page.opts,
        "object": row, "address": address_of(row), "secret": row.reveal_secret(),
        "back_url": page.url_of("change", row.pk),
    }  # fmt: skip
    response = TemplateResponse(request, "curtailment/admin/programme_secret.html", context)
    response["Cache-Control"] = "no-store"
    return response


class RotatePage(ConfirmPage):
    """A new signing secret, shown once."""

    power = "rotate_programme"
    label = gettext_lazy("New signing secret")
    icon = "autorenew"
    title = gettext_lazy("New signing secret")
    button = gettext_lazy("Make and show it")
    form_class = RotateForm

    def effect(self) -> Effect:
        """What the sender has to do."""
        row: Programme = self.objects[0]
        return Effect(
            facts=[(_("programme"), row), (_("address"), address_of(row))],
            warnings=[_("When the time is over, messages signed with the old secret are turned away.")],
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Make it and show it."""
        form = self.form = self.make_form(request.POST)
        if request.POST.get("seen") != self.fingerprint():
            return self.show(form, error=_("Something changed since this page was opened. Please look again."))
        if not form.is_valid():
            return self.show(form)
        overlap = timedelta(hours=form.cleaned_data["hours"])
        try:
            row = programmes.rotate_secret(self.objects[0], by=request.user, at=timezone.now(), overlap=overlap)
        except DomainError as refusal:
            return self.show(form, error=" ".join(refusal_texts(refusal)))
        return secret_page(self.model_admin, request, row, _("The new signing secret"))


class CommitmentInline(BaseInline):
    """What was committed where, and when."""

    model = ProgrammeCommitment
    fields = ("site", "kw", "reserve_kw", "hours", "valid_from", "valid_to")
    ordering = ("site__name", "-valid_from")
    max_num = 100

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Hours in two lines."""
        if db_field.name == "hours":
            widget = UnfoldAdminTextareaWidget(attrs={"rows": 2, "placeholder": "6-9 workdays 14:00-20:00"})
            kwargs.setdefault("widget", widget)
        return super().formfield_for_dbfield(db_field, request, **kwargs)


@admin.register(Programme)
class ProgrammeAdmin(BaseAdmin):
    """Programmes."""

    empty_hint = gettext_lazy("A programme is somebody who may call on your load: a grid operator, an aggregator.")
    list_display = ("name", "priority", "goal", "commitments_shown", "last_shown", "state_shown")
    list_filter = (("is_active", BooleanRadioFilter),)
    search_fields = ("name", "note")
    ordering = ("priority", "name")
    fieldsets = (
        (None, {"fields": (("name", "is_active"), ("goal", "selection", "priority"), "note")}),
        (
            gettext_lazy("What was agreed"),
            {
                "fields": (
                    ("notice_minutes", "ramp_seconds", "longest_minutes"), ("calls_per_day", "calls_per_season"),
                    "allows_open_ended",
                )
            },
        ),
        (
            gettext_lazy("What is done with unusual dispatches"),
            {"fields": (("on_test", "on_unauthorised"), ("on_unusual", "on_skew"), "skew_seconds")},
        ),
        (
            gettext_lazy("Levels of OpenADR"),
            {"fields": (("level_1_percent", "level_2_percent", "level_3_percent"),), "classes": ["collapse"]},
        ),
        (gettext_lazy("Webhook"), {"fields": ("address_shown", "previous_secret_until"), "classes": ["hi-state"]}),
    )  # fmt: skip
    readonly_fields = ("address_shown", "previous_secret_until")
    inlines = (CommitmentInline,)
    history_children = (HistorySource(ProgrammeCommitment, look_up="programme_id"),)
    pages = {"rotate": RotatePage}
    has_rotate_programme_permission = power(rules.may_rotate_programme)

    def get_queryset(self, request: HttpRequest) -> Any:
        """With what the list shows of commitments and dispatches."""
        last = Dispatch.objects.filter(programme=OuterRef("pk")).order_by("-starts_at").values("starts_at")[:1]
        rows = super().get_queryset(request).filter(is_drill=False)
        return rows.annotate(commitments_count=Count("commitments"), last_dispatch_at=Subquery(last))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """A new programme has no address yet."""
        found = super().get_fieldsets(request, obj)
        return found if obj is not None else [one for one in found if one[1].get("classes") != ["hi-state"]]

    @admin.display(description=gettext_lazy("commitments"), ordering="commitments_count")
    def commitments_shown(self, row: Any) -> int:
        return int(row.commitments_count)

    @admin.display(description=gettext_lazy("last dispatch"), ordering="last_dispatch_at")
    def last_shown(self, row: Any) -> Any:
        if row.last_dispatch_at is None:
            return DASH
        page: Any = self.admin_site._registry[Dispatch]
        return link(f"{page.url_of('changelist')}?programme__id__exact={row.pk}", moment_text(row.last_dispatch_at))

    @display(description=gettext_lazy("state"), label={"on": "success", "off": "default"})
    def state_shown(self, row: Programme) -> Any:
        return Badge("on", _("on")) if row.is_active else Badge("off", _("off"))

    @admin.display(description=gettext_lazy("address for signed messages"))
    def address_shown(self, row: Programme) -> str:
        return address_of(row)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: it is switched off."""
        return False

    def save_model(self, request: HttpRequest, obj: Programme, form: Any, change: bool) -> None:
        """A new one gets a secret."""
        if change:
            obj.save(update_fields=[name for name in form.changed_data if name in form.cleaned_data] or None)
        else:
            self.adopt(obj, programmes.create_programme(by=request.user, at=timezone.now(), **form.cleaned_data))

    def response_add(self, request: HttpRequest, obj: Programme, post_url_continue: str | None = None) -> HttpResponse:
        """Its secret, once."""
        return secret_page(self, request, obj, _("The programme is made"))
