"""Every attempt to get in."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.enums import LoginMethod, LoginOutcome


class LoginRecord(models.Model):
    """One attempt to sign in or to use a key, right or wrong; written outside the request's transaction.

    The e-mail is kept as typed, whether or not such a user exists.
    """

    email = models.CharField(_("e-mail address"), max_length=256, db_index=True)
    user_id = models.UUIDField(_("user id"), null=True, blank=True)
    method = models.CharField(_("method"), max_length=16, choices=LoginMethod.choices, default=LoginMethod.PASSWORD)
    outcome = models.CharField(_("outcome"), max_length=16, choices=LoginOutcome.choices)
    successful = models.GeneratedField(
        verbose_name=_("successful"),
        expression=models.Case(models.When(outcome="success", then=models.Value(True)), default=models.Value(False)),
        output_field=models.BooleanField(),
        db_persist=True,
    )
    ip_address = models.GenericIPAddressField(_("address"), null=True, blank=True)
    user_agent = models.CharField(_("user agent"), max_length=300, blank=True, default="")
    location = models.CharField(_("location"), max_length=512, blank=True, default="")
    request_id = models.CharField(_("request id"), max_length=64, blank=True, default="")
    attempted_at = models.DateTimeField(_("attempted at"), default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("login record")
        verbose_name_plural = _("login records")

    def __str__(self) -> str:
        return f"{self.email} {self.outcome} {self.attempted_at:%Y-%m-%d %H:%M}"
