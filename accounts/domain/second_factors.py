"""Second factors, seen by those who help a person that lost one."""

from datetime import datetime

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.domain.sessions import end_sessions
from accounts.domain.users import OwnerProtected
from accounts.enums import SessionEnd
from accounts.models import User
from accounts.rules import may_manage
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError


class FactorRefused(DomainError):
    """The second factor cannot be removed like this."""

    code = "factor_refused"


@transaction.atomic
def remove_second_factor(factor: Authenticator, *, by: User, at: datetime, reason: str) -> None:
    """Take away a lost second factor, so that its holder gets in with the password and sets up a new one.

    Recovery codes go with the last factor they stand in for: left alone they would be asked for at every sign-in.
    Whoever sits at a session of this person is signed out. Raises OwnerProtected for somebody stronger,
    FactorRefused without a reason or when it is gone already.
    """
    if not reason.strip():
        raise FactorRefused(_("State the reason: it is kept in the history."))
    holder = User.objects.select_for_update(of=("self",)).get(pk=factor.user_id)
    if not may_manage(by, holder):
        raise OwnerProtected(_("Only an owner may change %(user)s.") % {"user": holder})
    held = Authenticator.objects.filter(user=holder)
    with audit_context(actor=by, reason=reason.strip()):
        deleted, _kinds = held.filter(pk=factor.pk).delete()
        if not deleted:
            raise FactorRefused(_("This second factor was removed already."))
        if not held.exclude(type=Authenticator.Type.RECOVERY_CODES).exists():
            held.delete()
    end_sessions(holder, why=SessionEnd.SECOND_FACTOR, by=by, at=at, reason=reason.strip())
