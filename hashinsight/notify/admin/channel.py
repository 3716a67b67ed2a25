"""Channels: made, tried, switched, given new secrets."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget

from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.confirm import ConfirmForm, ConfirmPage, Effect
from hashinsight.common.admin.display import Badge, moment_text
from hashinsight.common.admin.forms import refusal_texts
from hashinsight.common.errors import DomainError
from hashinsight.notify import rules
from hashinsight.notify.admin.parts import CustomerNumberForm, with_customer
from hashinsight.notify.domain import channels
from hashinsight.notify.enums import ChannelKind
from hashinsight.notify.models import Channel

COLUMNS = ("name", "kind", "address", "rota", "time_zone", "quiet_from", "quiet_to")


class ChannelForm(CustomerNumberForm):
    """A new channel with what opens it, or an existing one without."""

    new_credential = forms.CharField(
        label=gettext_lazy("Credential"),
        required=False,
        max_length=300,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy(
            "Slack: the address of the incoming webhook. Telegram: the token of the bot. PagerDuty: the"
            " integration key. Kept encrypted, never shown again."
        ),
    )

    class Meta:
        model = Channel
        fields = COLUMNS
        help_texts = {
            "address": gettext_lazy(
                "E-mail: one address per line. Webhook: https://… Telegram: the number of the chat."
                " PagerDuty: us or eu."
            )
        }

    def clean(self) -> dict[str, Any]:
        """What the kind of channel asks for, named beside its field."""
        cleaned = super().clean()
        if self.errors:
            return cleaned
        trial = Channel(
            kind=cleaned.get("kind") or self.instance.kind,
            address=cleaned.get("address", ""),
            rota=cleaned.get("rota"),
        )
        typed = (cleaned.get("new_credential") or "").strip()
        try:
            channels.check_channel(trial, credential=typed or self.instance.reveal_credential())
        except ValidationError as refusal:
            self.add_error(None, refusal)
        return cleaned


def secret_page(page: Any, request: HttpRequest, channel: Channel, title: str) -> HttpResponse:
    """The signing secret, on the answer to this one request and nowhere else."""
    context = {
        **page.admin_site.each_context(request),
        "title": title,
        "subtitle": None,
        "opts": page.opts,
        "channel": channel,
        "secret": channel.reveal_secret(),
        "back_url": page.url_of("change", channel.pk),
    }
    response = TemplateResponse(request, "admin/notify/secret.html", context)
    response["Cache-Control"] = "no-store"
    return response


class TestPage(ConfirmPage):
    """A harmless message, to see whether the channel works."""

    power = "test_channel"
    label = gettext_lazy("Send a test message")
    icon = "send"
    title = gettext_lazy("Send a test message")
    button = gettext_lazy("Send")

    def effect(self) -> Effect:
        """Where to."""
        channel = self.objects[0]
        facts = [(_("channel"), channel), (_("kind"), channel.get_kind_display()), (_("address"), channel.address)]
        return Effect(facts=facts, warnings=[_("It is sent at once, also in quiet hours. The messages show its way.")])

    def run(self, obj: Channel, form: Any) -> Any:
        """One domain call."""
        channels.send_test(obj, by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The test message is on its way; see the messages of this channel.")


class RotateForm(ConfirmForm):
    """For how long both secrets sign."""

    hours = forms.IntegerField(
        label=gettext_lazy("Hours in which both sign"), min_value=0, max_value=168, initial=24,
        help_text=gettext_lazy("0: the old one stops at once."),
    )  # fmt: skip


class RotatePage(ConfirmPage):
    """A new signing secret, shown once."""

    power = "rotate_channel"
    label = gettext_lazy("New signing secret")
    icon = "autorenew"
    title = gettext_lazy("New signing secret")
    button = gettext_lazy("Make and show it")
    form_class = RotateForm

    def effect(self) -> Effect:
        """What the receiver has to do."""
        return Effect(
            facts=[(_("channel"), self.objects[0])],
            warnings=[_("Until the time is over messages carry two signatures; a receiver needs one that fits.")],
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Make it and show it."""
        form = self.form = self.make_form(request.POST)
        if request.POST.get("seen") != self.fingerprint():
            return self.show(form, error=_("Something changed since this page was opened. Please look again."))
        if not form.is_valid():
            return self.show(form)
        try:
            channel = channels.rotate_secret(
                self.objects[0],
                by=request.user,
                at=timezone.now(),
                overlap=timedelta(hours=form.cleaned_data["hours"]),
            )
        except DomainError as refusal:
            return self.show(form, error=" ".join(refusal_texts(refusal)))
        return secret_page(self.model_admin, request, channel, _("The new signing secret"))


class CredentialForm(ConfirmForm):
    """The new credential."""

    credential = forms.CharField(
        label=gettext_lazy("Credential"),
        max_length=300,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
    )


class CredentialPage(ConfirmPage):
    """Another token or key of the service."""

    power = "rotate_channel"
    label = gettext_lazy("New credential")
    icon = "key"
    title = gettext_lazy("New credential")
    button = gettext_lazy("Use it from now on")
    form_class = CredentialForm

    def effect(self) -> Effect:
        """Of what."""
        channel = self.objects[0]
        return Effect(facts=[(_("channel"), channel), (_("kind"), channel.get_kind_display())])

    def run(self, obj: Channel, form: Any) -> Any:
        """One domain call."""
        channels.replace_credential(obj, credential=form.cleaned_data["credential"], by=self.request.user)


class SwitchPage(ConfirmPage):
    """On or off, whichever it is not."""

    power = "switch_channel"
    label = gettext_lazy("Switch on or off")
    icon = "power_settings_new"
    title = gettext_lazy("Switch channel on or off")
    button = gettext_lazy("Switch")

    def effect(self) -> Effect:
        """What it will mean."""
        channel = self.objects[0]
        if channel.is_active:
            return Effect(
                changes=[(str(channel), _("on"), _("off"))],
                warnings=[_("What happens meanwhile is not sent later, and what still waits is given up.")],
            )
        facts = [(_("switched off at"), moment_text(channel.disabled_at)), (_("reason"), channel.disabled_reason)]
        return Effect(facts=facts, changes=[(str(channel), _("off"), _("on"))])

    def run(self, obj: Channel, form: Any) -> Any:
        """One domain call."""
        switch = channels.switch_off if obj.is_active else channels.switch_on
        switch(obj, by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return ngettext("%(n)s channel was switched.", "%(n)s channels were switched.", count) % {"n": count}


@admin.register(Channel)
class ChannelAdmin(BaseAdmin):
    """Where messages go."""

    empty_hint = gettext_lazy("A channel is where messages go: e-mail, a webhook, Slack, Telegram or PagerDuty.")
    form = ChannelForm
    list_display = ("name", "kind", "owner_shown", "address_shown", "state_shown", "failing_since")
    list_filter = (("kind", ChoicesDropdownFilter), ("is_active", BooleanRadioFilter))
    search_fields = ("name", "address")
    ordering = ("name", "id")
    pages = {"test": TestPage, "switch": SwitchPage, "rotate": RotatePage, "credential": CredentialPage}
    has_test_channel_permission = power(rules.may_test)
    has_switch_channel_permission = power(rules.may_switch)
    has_rotate_channel_permission = power(rules.may_rotate)

    @admin.display(description=gettext_lazy("of"))
    def owner_shown(self, channel: Channel) -> str:
        return getattr(channel, "customer_name", None) or _("the house")

    @admin.display(description=gettext_lazy("address"))
    def address_shown(self, channel: Channel) -> str:
        first, *more = channel.address.split() or ["–"]
        return f"{first[:60]} +{len(more)}" if more else first[:60]

    @display(description=gettext_lazy("state"), label={"on": "success", "failing": "warning", "off": "danger"})
    def state_shown(self, channel: Channel) -> Any:
        if not channel.is_active:
            return Badge("off", _("off"))
        return Badge("failing", _("failing")) if channel.failing_since else Badge("on", _("on"))

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the name of the customer."""
        return with_customer(super().get_queryset(request))

    def get_fieldsets(self, request: HttpRequest, obj: Channel | None = None) -> Any:
        """The credential is typed once; later it has a page of its own."""
        first = ["name", "kind", "address", "rota"]
        if obj is None:
            first += ["new_credential", "customer_number"]
        groups: list[Any] = [
            (None, {"fields": first}),
            (gettext_lazy("Quiet hours"), {"fields": (("quiet_from", "quiet_to"), "time_zone")}),
        ]
        if obj is not None:
            state = ("owner_shown", ("is_active", "failing_since"), ("disabled_at", "disabled_reason"))
            groups.append((gettext_lazy("State"), {"fields": state}))
            record = ["public_id", "version", "created_at", "updated_at"]
            groups.append(
                (gettext_lazy("Record"), {"fields": [record[:2], record[2:]], "classes": ["hi-record", "collapse"]})
            )
        return groups

    def get_readonly_fields(self, request: HttpRequest, obj: Channel | None = None) -> Any:
        """The kind stays what it was made as."""
        fixed = ("kind",) if obj is not None else ()
        shown = ("owner_shown", "is_active", "failing_since", "disabled_at", "disabled_reason")
        return (*super().get_readonly_fields(request, obj), *fixed, *shown)

    def offered(self, request: HttpRequest, obj: Channel) -> set[str]:
        """What the kind of channel knows."""
        if obj.kind == ChannelKind.WEBHOOK:
            return {"test", "switch", "rotate"}
        return {"test", "switch"} if obj.kind == ChannelKind.EMAIL else {"test", "switch", "credential"}

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        """Through the domain."""
        if change:
            changes = {name: form.cleaned_data[name] for name in form.changed_data if name in COLUMNS}
            channels.change_channel(obj, changes=changes, by=request.user)
            return
        fields = {name: form.cleaned_data[name] for name in COLUMNS}
        made = channels.create_channel(
            by=request.user,
            at=timezone.now(),
            credential=form.cleaned_data.get("new_credential", ""),
            customer_id=obj.customer_id,
            **fields,
        )
        self.adopt(obj, made)

    def response_add(self, request: HttpRequest, obj: Channel, post_url_continue: str | None = None) -> HttpResponse:
        """A new webhook shows its secret, once."""
        if obj.kind == ChannelKind.WEBHOOK:
            return secret_page(self, request, obj, _("The channel is made"))
        return super().response_add(request, obj, post_url_continue)
