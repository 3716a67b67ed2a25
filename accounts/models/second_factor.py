"""What a person proves beside the password: the sign-in library's table, audited."""

import pghistory
from allauth.mfa.models import Authenticator
from django.utils.translation import gettext_lazy as _


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.DeleteEvent(),
    fields=["user", "type"],
    model_name="SecondFactorEvent",
    append_only=True,
    obj_field=None,
)
class SecondFactor(Authenticator):
    """A second factor of a person; its audit rows tell when it came and went, by whom and why, never its secret."""

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = _("second factor")
        verbose_name_plural = _("second factors")
