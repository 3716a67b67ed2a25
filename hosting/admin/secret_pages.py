"""Logins of machines: set for one, those chosen or a pasted list; read where they may be read."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from hashinsight.common.admin.confirm import ConfirmForm, ConfirmPage, Effect
from hashinsight.common.admin.inlines import ViewOnlyInline
from hosting.admin.miner_pages import MinersPage
from hosting.domain import miner_secrets
from hosting.forms.secrets import LoginForm
from hosting.models import MinerSecret


class LoginPage(MinersPage):
    """One login for all machines chosen."""

    power = "change_minersecret"
    label = gettext_lazy("Set login")
    icon = "key"
    title = gettext_lazy("Set the login of machines")
    button = gettext_lazy("Set login")
    form_class = LoginForm

    def effect(self) -> Effect:
        """And that the old one is used no more."""
        effect = super().effect()
        effect.warnings.append(_("The login kept so far is used no more. The machine itself is not changed."))
        return effect

    def run_all(self, objects: list[Any], form: Any) -> Any:
        """One domain call."""
        data = form.cleaned_data
        miner_secrets.set_login(
            objects, username=data["username"], password=data["password"], purpose=data["purpose"], mode=data["mode"],
            device=data["device"], by=self.request.user, at=timezone.now(),
        )  # fmt: skip

    def done(self, count: int) -> str:
        """Said afterwards."""
        return ngettext("The login is set.", "The login of %(count)s machines is set.", count) % {"count": count}


class ForgetPage(ConfirmPage):
    """Use it no more."""

    power = "change_minersecret"
    label = gettext_lazy("Forget login")
    icon = "key_off"
    danger = True
    title = gettext_lazy("Forget the login")
    button = gettext_lazy("Forget it")

    def effect(self) -> Effect:
        """Which."""
        secret = self.objects[0]
        return Effect(facts=[(_("machine"), secret.miner), (_("for"), secret.get_purpose_display())])

    def run(self, obj: MinerSecret, form: Any) -> Any:
        """One domain call."""
        miner_secrets.forget_login([obj.miner], purpose=obj.purpose, by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The login is forgotten.")


class RevealPage(ConfirmPage):
    """Read a masked login; that it was read stands in the log of the machine."""

    power = "reveal_minersecret"
    label = gettext_lazy("Read login")
    icon = "visibility"
    title = gettext_lazy("Read the login")
    button = gettext_lazy("Read it")
    form_class = ConfirmForm
    found: Any = None

    def effect(self) -> Effect:
        """Which."""
        secret = self.objects[0]
        return Effect(
            facts=[(_("machine"), secret.miner), (_("for"), secret.get_purpose_display())],
            warnings=[_("That you read it stands in the log of the machine.")],
        )

    def run(self, obj: MinerSecret, form: Any) -> Any:
        """One domain call."""
        self.found = miner_secrets.reveal(obj, by=self.request.user, at=timezone.now())

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Shown once, kept nowhere."""
        response = super().post(request, *args, **kwargs)
        if self.found is None:
            return response
        page = self.model_admin
        context = {
            **page.admin_site.each_context(request),
            "title": _("Login of %(miner)s") % {"miner": self.objects[0].miner},
            "subtitle": None,
            "opts": page.opts,
            "object": self.objects[0],
            "login": self.found,
            "back_url": self.back_url(),
        }
        shown = TemplateResponse(request, "hosting/admin/login.html", context)
        shown["Cache-Control"] = "no-store"
        return shown


class SecretInline(ViewOnlyInline):
    """The logins of a machine, never what they are."""

    model = MinerSecret
    fields = ("purpose", "mode", "device", "counter", "created_at")
    readonly_fields = ("created_at",)
    ordering = ("purpose",)
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> Any:
        """Those in use."""
        return super().get_queryset(request).filter(superseded_at__isnull=True)
