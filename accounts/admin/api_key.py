"""API keys: made with the secret shown once, looked at, revoked."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.decorators import display

from accounts.domain import keys
from accounts.enums import SCOPES
from accounts.forms import NetworksField
from accounts.models import ApiKey, User
from accounts.rules import may_manage
from hashinsight.common.admin.actions import may, power
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.confirm import ConfirmForm, ConfirmPage, Effect
from hashinsight.common.admin.display import Badge, moment_text
from hashinsight.common.admin.forms import refusal_texts
from hashinsight.common.admin.widgets import HouseAutocomplete
from hashinsight.common.errors import DomainError


class NewKeyForm(ConfirmForm):
    """Whose key, what it is for, what it may do, how long."""

    user = forms.ModelChoiceField(User.objects.filter(is_active=True), label=gettext_lazy("User"))
    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("Scopes"), choices=list(SCOPES.items()), widget=forms.CheckboxSelectMultiple
    )
    days = forms.IntegerField(
        label=gettext_lazy("Days it lives"), min_value=1, max_value=3660, required=False, initial=365,
        help_text=gettext_lazy("Empty: until it is revoked."),
    )  # fmt: skip

    allowed_networks = NetworksField()

    def build(self) -> None:
        """Search for the person."""
        field: Any = self.fields["user"]
        field.widget = HouseAutocomplete(ApiKey._meta.get_field("user"), admin.site)
        field.widget.choices = field.choices

    def clean_user(self) -> User:
        """Nobody makes a key of somebody stronger."""
        user: User = self.cleaned_data["user"]
        if not may_manage(self.request.user, user):
            raise forms.ValidationError(_("Only an owner may make a key for %(user)s.") % {"user": user})
        return user


class NewKeyPage(ConfirmPage):
    """The secret stands on the answer to this one request and nowhere else."""

    power = "add_apikey"
    for_one = False
    for_none = True
    title = gettext_lazy("New API key")
    button = gettext_lazy("Make the key")
    form_class = NewKeyForm

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Make it and show it."""
        form = self.form = self.make_form(request.POST)
        if not form.is_valid():
            return self.show(form)
        cleaned, now = form.cleaned_data, timezone.now()
        expires = now + timedelta(days=cleaned["days"]) if cleaned["days"] else None
        try:
            key, secret = keys.create_key(
                cleaned["user"],
                name=cleaned["name"],
                scopes=cleaned["scopes"],
                expires_at=expires,
                allowed_networks=cleaned["allowed_networks"],
                by=request.user,  # type: ignore[arg-type]
                at=now,
            )
        except DomainError as refusal:
            return self.show(form, error=" ".join(refusal_texts(refusal)))
        page = self.model_admin
        context = {
            **page.admin_site.each_context(request),
            "title": _("The key is made"),
            "subtitle": None,
            "opts": page.opts,
            "key": key,
            "secret": secret,
            "back_url": page.url_of("change", key.pk),
        }
        response = TemplateResponse(request, "admin/house/secret.html", context)
        response["Cache-Control"] = "no-store"
        return response


class RevokeKeyPage(ConfirmPage):
    """End a key at once."""

    power = "revoke_apikey"
    for_many = True
    label = gettext_lazy("Revoke")
    icon = "key_off"
    danger = True
    title = gettext_lazy("Revoke API key")
    button = gettext_lazy("Revoke")

    def effect(self) -> Effect:
        """Whose programs stop."""
        if self.is_single and self.objects[0].revoked_at is not None:
            raise keys.KeyNotLive(_("This key is revoked already."))
        effect = Effect(warnings=[_("Programs that use it are refused from the next call on.")])
        for key in self.objects:
            used = moment_text(key.last_used_at) or _("never")
            effect.facts.append((str(key), _("%(user)s, last used %(used)s") % {"user": key.user, "used": used}))
        return effect

    def run(self, obj: ApiKey, form: Any) -> Any:
        """One domain call."""
        keys.revoke_key(obj, by=self.request.user, at=timezone.now())  # type: ignore[arg-type]

    def done(self, count: int) -> str:
        """Said afterwards."""
        return ngettext("%(n)s key was revoked.", "%(n)s keys were revoked.", count) % {"n": count}


@admin.register(ApiKey)
class ApiKeyAdmin(ViewOnlyAdmin):
    """Keys for programs."""

    list_display = ("name", "prefix", "user", "state_shown", "created_at", "expires_at", "last_used_at")
    list_select_related = ("user",)
    list_filter = (
        ("user", AutocompleteSelectFilter),
        ("created_at", RangeDateTimeFilter),
        ("expires_at", RangeDateTimeFilter),
    )
    search_fields = ("name", "prefix", "user__email")
    ordering = ("-created_at", "-id")
    fields = (
        ("name", "prefix", "user"),
        ("scopes", "allowed_networks"),
        ("expires_at", "revoked_at"),
        ("last_used_at", "last_used_ip"),
        ("created_by", "rotated_from"),
    )
    actions = ("revoke_selected",)
    pages = {"revoke": RevokeKeyPage, "new": NewKeyPage}
    has_revoke_apikey_permission = power(may("accounts.revoke_apikey"))
    has_add_apikey_permission = power(may("accounts.add_apikey"))

    @display(description=gettext_lazy("state"), label={"live": "success", "expired": "default", "revoked": "warning"})
    def state_shown(self, key: ApiKey) -> Any:
        if key.revoked_at is not None:
            return Badge("revoked", _("revoked"))
        return Badge("live", _("live")) if key.is_live(timezone.now()) else Badge("expired", _("expired"))

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the holder."""
        return super().get_queryset(request).select_related("user")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Through the page that shows the secret."""
        return bool(self.has_add_apikey_permission(request))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Through the page that shows the secret."""
        return HttpResponseRedirect(self.url_of("new"))

    def offered(self, request: HttpRequest, obj: ApiKey) -> set[str]:
        """Once."""
        return set() if obj.revoked_at is not None else {"revoke"}

    @admin.action(description=gettext_lazy("Revoke …"), permissions=["revoke_apikey"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> Any:
        """On to the page that shows whose programs stop."""
        return self.to_page("revoke", queryset)
