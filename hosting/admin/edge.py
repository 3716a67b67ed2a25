"""Edge devices: registered with a code shown once, looked after, revoked; what they sent, and what was not believed."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    MultipleChoicesDropdownFilter,
    RangeDateTimeFilter,
)
from unfold.decorators import display

from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.confirm import ConfirmForm, ConfirmPage, Effect
from hashinsight.common.admin.display import Badge, moment_text
from hashinsight.common.admin.forms import refusal_texts
from hashinsight.common.admin.inlines import ViewOnlyInline
from hashinsight.common.admin.widgets import HouseAutocomplete
from hashinsight.common.errors import DomainError
from hosting import rules
from hosting.admin.edge_lease import LeaseShown
from hosting.domain import edge
from hosting.enums import EdgeStatus
from hosting.models import EdgeBatch, EdgeDevice, EdgeToken, QuarantinedReading, Site, Zone

STATUS = {EdgeStatus.WAITING: "info", EdgeStatus.ACTIVE: "success", EdgeStatus.REVOKED: "default"}
_SILENT_INTERVALS = 2.5


class CodePage(ConfirmPage):
    """What ends with a code: it stands on the answer to this one request and nowhere else."""

    power = "enrol_edgedevice"
    heading = gettext_lazy("A code for the device")
    shown_by = "admin/house/edge_code.html"

    def made(self, form: Any) -> tuple[EdgeDevice, str]:
        """The device and its secret, by one domain call."""
        raise NotImplementedError

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Make it and show it."""
        form = self.form = self.make_form(request.POST)
        if self.objects and request.POST.get("seen") != self.fingerprint():
            return self.show(form, error=_("Something changed since this page was opened. Please look again."))
        if not form.is_valid():
            return self.show(form)
        page = self.model_admin
        try:
            with transaction.atomic():
                device, code = self.made(form)
                page.log_change(request, device, str(self.title))
        except (DomainError, ValidationError) as refusal:
            return self.show(form, error=" ".join(refusal_texts(refusal)))
        context = {
            **page.admin_site.each_context(request),
            "title": self.heading,
            "subtitle": None,
            "opts": page.opts,
            "device": device,
            "code": code,
            "back_url": page.url_of("change", device.pk),
        }
        response = TemplateResponse(request, self.shown_by, context)
        response["Cache-Control"] = "no-store"
        return response


class RegisterForm(ConfirmForm):
    """Which device, and where it stands."""

    serial = forms.CharField(label=gettext_lazy("Serial number"), max_length=100)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    site = forms.ModelChoiceField(Site.objects.all(), label=gettext_lazy("Site"))
    zone = forms.ModelChoiceField(
        Zone.objects.select_related("site"),
        label=gettext_lazy("Zone"),
        required=False,
        help_text=gettext_lazy("Empty: all zones of the site."),
    )

    def build(self) -> None:
        """Search for the place."""
        for name in ("site", "zone"):
            field: Any = self.fields[name]
            field.widget = HouseAutocomplete(EdgeDevice._meta.get_field(name), admin.site)
            field.widget.choices = field.choices


class RegisterPage(CodePage):
    """Enter a device."""

    power = "add_edgedevice"
    for_one = False
    for_none = True
    title = gettext_lazy("Register an edge device")
    button = gettext_lazy("Register")
    form_class = RegisterForm

    def made(self, form: Any) -> tuple[EdgeDevice, str]:
        """One domain call."""
        said = form.cleaned_data
        return edge.register_device(
            serial=said["serial"], name=said["name"], site=said["site"], zone=said["zone"], by=self.request.user,
            at=timezone.now(),
        )  # fmt: skip


class NewCodePage(CodePage):
    """For a device that lost its token, or was set up anew."""

    label = gettext_lazy("New code")
    icon = "key"
    title = gettext_lazy("Give the device a new code")
    button = gettext_lazy("Make the code")

    def effect(self) -> Effect:
        """What ends."""
        return Effect(
            facts=[(_("device"), str(self.objects[0]))],
            warnings=[_("When the code is used, the token that the device has now ends.")],
        )

    def made(self, form: Any) -> tuple[EdgeDevice, str]:
        """One domain call."""
        device = self.objects[0]
        return device, edge.give_code(device, by=self.request.user, at=timezone.now())


class GraceForm(ConfirmForm):
    """For how long the token of before still opens."""

    hours = forms.IntegerField(
        label=gettext_lazy("Hours in which the token of before still opens"), min_value=0,
        max_value=edge.LONGEST_GRACE_HOURS, initial=24,
        help_text=gettext_lazy("0: it ends at once, as it must where somebody else may have seen it."),
    )  # fmt: skip


class NewTokenPage(CodePage):
    """For a device whose token was seen by others, or is to be changed without its help."""

    label = gettext_lazy("New token")
    icon = "autorenew"
    title = gettext_lazy("Give the device a new token")
    button = gettext_lazy("Make the token")
    heading = gettext_lazy("A token for the device")
    shown_by = "admin/house/edge_token.html"
    form_class = GraceForm

    def effect(self) -> Effect:
        """What ends, and when."""
        device = self.objects[0]
        return Effect(
            facts=[(_("device"), str(device)), (_("last heard"), moment_text(device.last_seen_at) or _("never"))],
            warnings=[_("Without the new token the device is refused once the one it has now has ended.")],
        )

    def fingerprint(self) -> str:
        """A second click would end the token that was just shown."""
        newest = self.objects[0].tokens.order_by("-pk").values_list("pk", flat=True).first()
        return f"{super().fingerprint()}:{newest}"

    def made(self, form: Any) -> tuple[EdgeDevice, str]:
        """One domain call."""
        device, grace = self.objects[0], timedelta(hours=form.cleaned_data["hours"])
        self.hold(device)
        return device, edge.replace_token(device, grace=grace, by=self.request.user, at=timezone.now())


class RevokePage(ConfirmPage):
    """Refuse a device for good."""

    power = "revoke_edgedevice"
    label = gettext_lazy("Revoke")
    icon = "key_off"
    danger = True
    title = gettext_lazy("Revoke the edge device")
    button = gettext_lazy("Revoke")

    def effect(self) -> Effect:
        """What it means."""
        device = self.objects[0]
        return Effect(
            facts=[(_("last heard"), moment_text(device.last_seen_at) or _("never"))],
            changes=[(_("status"), device.get_status_display(), EdgeStatus.REVOKED.label)],
            warnings=[_("It is refused from its next call on, for good. What it sent stays.")],
        )

    def run(self, obj: EdgeDevice, form: Any) -> Any:
        """One domain call."""
        edge.revoke_device(obj, by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The device is revoked.")


class TokenInline(ViewOnlyInline):
    """Tokens, never their secrets."""

    model = EdgeToken
    fields = ("prefix", "created_at", "expires_at", "revoked_at")
    readonly_fields = fields
    ordering = ("-created_at",)
    show_change_link = False


def is_silent(device: EdgeDevice, at: datetime) -> bool:
    """Not heard for longer than readings are apart there, with some patience."""
    patience = max(edge.SILENT_AFTER, timedelta(seconds=device.site.collection_interval_s * _SILENT_INTERVALS))
    return device.status == EdgeStatus.ACTIVE and (device.last_seen_at is None or device.last_seen_at < at - patience)


@admin.register(EdgeDevice)
class EdgeDeviceAdmin(LeaseShown, ViewOnlyAdmin):
    """Edge devices."""

    list_display = ("name", "serial", "site", "zone", "status_shown", "heard_shown", "software_version")
    list_select_related = ("site", "zone__site")
    list_filter = (
        ("site", AutocompleteSelectFilter),
        ("status", ChoicesDropdownFilter),
        ("last_seen_at", RangeDateTimeFilter),
    )
    search_fields = ("name", "serial", "site__name")
    ordering = ("name", "id")
    fields = (
        ("name", "serial"), ("site", "zone"), ("status_shown", "heard_shown"), ("software_version", "registered_at"),
        ("public_key", "revoked_at"), ("lease_shown", "lease_until"), ("lease_machines", "lease_switched"),
        ("lease_asked", "lease_reported"), "lease_limits", ("lease_counter", "lease_trouble"),
    )  # fmt: skip
    readonly_fields = ("status_shown", "heard_shown", *LeaseShown.shown)
    inlines = (TokenInline,)
    pages = {"new": RegisterPage, "code": NewCodePage, "token": NewTokenPage, "revoke": RevokePage}
    has_add_edgedevice_permission = power(rules.may_add_edgedevice)
    has_enrol_edgedevice_permission = power(rules.may_enrol_edgedevice)
    has_revoke_edgedevice_permission = power(rules.may_revoke_edgedevice)

    @display(description=gettext_lazy("status"), label=STATUS, ordering="status")
    def status_shown(self, device: EdgeDevice) -> Any:
        return Badge(device.status, device.get_status_display())

    @display(
        description=gettext_lazy("last heard"), label={"silent": "danger", "heard": "default"}, ordering="last_seen_at"
    )
    def heard_shown(self, device: EdgeDevice) -> Any:
        text = moment_text(device.last_seen_at) or _("never")
        return Badge("silent" if is_silent(device, timezone.now()) else "heard", text)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Through the page that shows the code."""
        return bool(self.has_add_edgedevice_permission(request))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Through the page that shows the code."""
        return HttpResponseRedirect(self.url_of("new"))

    def offered(self, request: HttpRequest, obj: EdgeDevice) -> set[str]:
        """Nothing once it is revoked; a token for one that has had one."""
        found = set() if obj.status == EdgeStatus.REVOKED else {"code", "revoke"}
        return found | ({"token"} if obj.status == EdgeStatus.ACTIVE else set())


@admin.register(EdgeBatch)
class EdgeBatchAdmin(ViewOnlyAdmin):
    """What edge devices sent."""

    list_display = (
        "received_at",
        "device",
        "batch_id",
        "readings",
        "stored",
        "duplicates",
        "quarantined",
        "skew_shown",
    )
    list_select_related = ("device",)
    list_filter = (
        ("device", AutocompleteSelectFilter),
        ("received_at", RangeDateTimeFilter),
        "clock_skewed",
    )
    search_fields = ("batch_id",)
    ordering = ("-received_at", "-id")
    show_full_result_count = False
    fields = (
        ("device", "batch_id"), ("received_at", "skew_shown"), ("readings", "stored"), ("duplicates", "quarantined"),
        "digest",
    )  # fmt: skip
    readonly_fields = ("skew_shown",)

    @display(description=gettext_lazy("clock"), label={"wrong": "warning", "right": "default"})
    def skew_shown(self, batch: EdgeBatch) -> Any:
        return Badge("wrong", _("wrong")) if batch.clock_skewed else Badge("right", _("right"))


@admin.register(QuarantinedReading)
class QuarantinedReadingAdmin(ViewOnlyAdmin):
    """What was not believed, and why."""

    list_display = ("received_at", "device", "meter", "reason", "figure", "value", "machine", "seen_shown")
    list_select_related = ("device", "batch", "meter__site")
    list_filter = (
        ("device", AutocompleteSelectFilter),
        ("meter", AutocompleteSelectFilter),
        ("reason", MultipleChoicesDropdownFilter),
        ("received_at", RangeDateTimeFilter),
        ("seen_at", admin.EmptyFieldListFilter),
    )
    search_fields = ("machine",)
    ordering = ("-received_at", "-id")
    show_full_result_count = False
    fields = (
        ("device", "batch"), ("place", "machine"), ("meter", "recorded_at"), ("reason", "figure"), "value",
        ("received_at", "seen_at"),
    )  # fmt: skip
    actions = ("mark_seen",)
    has_see_quarantinedreading_permission = power(rules.may_see_quarantinedreading)

    @display(description=gettext_lazy("seen"), label={"new": "warning", "seen": "default"}, ordering="seen_at")
    def seen_shown(self, row: QuarantinedReading) -> Any:
        return Badge("new", _("new")) if row.seen_at is None else Badge("seen", moment_text(row.seen_at))

    @admin.action(description=gettext_lazy("Mark as seen"), permissions=["see_quarantinedreading"])
    def mark_seen(self, request: HttpRequest, queryset: QuerySet[QuarantinedReading]) -> None:
        """One domain call."""
        count = edge.mark_seen(queryset, by=request.user, at=timezone.now())
        text = ngettext("%(n)s was marked as seen.", "%(n)s were marked as seen.", count) % {"n": count}
        messages.success(request, text)
