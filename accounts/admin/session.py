"""Where people are signed in, and signing them out from here."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.decorators import display

from accounts.domain import sessions
from accounts.engine.devices import device_name
from accounts.models import Session
from accounts.rules import may_manage
from hashinsight.common.admin.actions import may, power
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.confirm import ConfirmPage, Effect, ReasonForm
from hashinsight.common.admin.display import Badge, moment_text
from hashinsight.common.admin.inlines import ViewOnlyInline


class EndSessionPage(ConfirmPage):
    """Sign out one browser of a person."""

    power = "end_session"
    label = gettext_lazy("End session")
    icon = "logout"
    danger = True
    title = gettext_lazy("End session")
    button = gettext_lazy("End it now")
    form_class = ReasonForm

    def find(self, request: HttpRequest, object_id: str | None) -> list[Any]:
        """Not of somebody stronger than oneself."""
        found = super().find(request, object_id)
        if not all(may_manage(request.user, session.user) for session in found):
            raise PermissionDenied
        return found

    def effect(self) -> Effect:
        """Who sits where, and since when."""
        session = self.objects[0]
        if session.ended_at is not None:
            raise sessions.SessionGone(_("This session has ended already."))
        return Effect(
            facts=[
                (_("user"), session.user),
                (_("device"), device_name(session.user_agent) or _("unknown")),
                (_("address"), session.ip_address or "–"),
                (_("signed in"), moment_text(session.created_at)),
                (_("last used"), moment_text(session.last_used_at)),
            ],
            warnings=[_("This browser is signed out at its next request; what was not saved there is lost.")],
        )

    def run(self, obj: Session, form: Any) -> Any:
        """One domain call."""
        by: Any = self.request.user
        sessions.end_session(obj, by=by, at=timezone.now(), reason=form.cleaned_data["reason"])

    def act(self, obj: Session, form: Any) -> None:
        """The log names no key, not even its hash."""
        with transaction.atomic():
            self.run(obj, form)
            self.model_admin.log_change(self.request, obj.user, str(self.title))

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The session has ended.")


@admin.register(Session)
class SessionAdmin(ViewOnlyAdmin):
    """Signed-in browsers, and those that were ended before they expired."""

    list_display = ("user", "device", "ip_address", "created_at", "last_used_at", "state_shown")
    list_select_related = ("user",)
    list_filter = (
        ("user", AutocompleteSelectFilter),
        ("last_used_at", RangeDateTimeFilter),
        ("ended_at", RangeDateTimeFilter),
    )
    search_fields = ("user__email", "ip_address")
    ordering = ("-last_used_at", "-pk")
    fields = (
        ("user", "device", "ip_address"),
        ("created_at", "last_used_at", "expire_date"),
        ("ended_at", "end_reason"),
        "user_agent",
    )
    readonly_fields = ("device",)
    pages = {"end": EndSessionPage}
    has_end_session_permission = power(may("accounts.end_session"))

    @admin.display(description=gettext_lazy("device"))
    def device(self, session: Session) -> str:
        """What the browser says about itself."""
        return device_name(session.user_agent) or "–"

    @display(description=gettext_lazy("state"), label={"live": "success", "expired": "default", "ended": "warning"})
    def state_shown(self, session: Session) -> Any:
        if session.ended_at is not None:
            return Badge("ended", session.get_end_reason_display())
        return Badge("live", _("live")) if session.expire_date > timezone.now() else Badge("expired", _("expired"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        """Those of people; what a session holds is nobody's business."""
        rows: QuerySet[Session] = super().get_queryset(request)
        return rows.filter(user__isnull=False).select_related("user").defer("session_data")

    def offered(self, request: HttpRequest, obj: Session) -> set[str]:
        """Once, and not of somebody stronger than oneself."""
        return {"end"} if obj.ended_at is None and obj.user and may_manage(request.user, obj.user) else set()


class SessionsInline(ViewOnlyInline):
    """The signed-in browsers of a person, on the person's page."""

    model = Session
    fk_name = "user"
    fields = ("created_at", "last_used_at", "ip_address", "device", "ended_at", "end_reason")
    ordering = ("-last_used_at", "pk")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of them."""
        return self.fields

    @admin.display(description=gettext_lazy("device"))
    def device(self, session: Session) -> str:
        """What the browser says about itself."""
        return device_name(session.user_agent) or "–"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        """Without the contents."""
        rows: QuerySet[Session] = super().get_queryset(request)
        return rows.select_related("user").defer("session_data")
