"""Signed-in browsers."""

import pghistory
from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.enums import SessionEnd
from hashinsight.common.ids import new_public_id


@pghistory.track(
    pghistory.UpdateEvent(condition=pghistory.AnyChange("ended_at")),
    fields=["public_id", "user", "ip_address", "ended_at", "end_reason"],
    model_name="SessionEndEvent",
    append_only=True,
    obj_field=pghistory.ObjForeignKey(related_name="events"),
)
class Session(AbstractBaseSession):
    """A browser's session; with a user it is a place somebody is signed in at.

    The key is kept only as a hash, so that a copy of the database opens nobody's session. Ended rows open nothing
    and stay until they would have expired; a sign-out removes the row at once.
    """

    session_key = models.CharField(_("hash of the key"), max_length=64, primary_key=True, editable=False)
    public_id = models.UUIDField(_("public id"), default=new_public_id, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        null=True,
        on_delete=models.CASCADE,
        related_name="browser_sessions",
    )
    ip_address = models.GenericIPAddressField(_("address"), null=True)
    user_agent = models.CharField(_("user agent"), max_length=300, default="")
    created_at = models.DateTimeField(_("signed in"), default=timezone.now)
    last_used_at = models.DateTimeField(_("last used"), default=timezone.now)
    ended_at = models.DateTimeField(_("ended at"), null=True)
    end_reason = models.CharField(_("ended because"), max_length=20, choices=SessionEnd.choices, default="")

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        indexes = [models.Index(fields=["user", "-last_used_at"], name="accounts_session_user")]
        permissions = [("end_session", _("Can end sessions of other people"))]

    def __str__(self) -> str:
        return f"{self.user} {self.created_at:%Y-%m-%d %H:%M}"

    @classmethod
    def get_session_store_class(cls) -> type:
        """The store over these rows."""
        from accounts.sessions import SessionStore  # noqa: PLC0415  (the store imports the model)

        return SessionStore
