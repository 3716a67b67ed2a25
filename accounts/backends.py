"""Signing in with an e-mail address and a password, within the time somebody has been given."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.backends import ModelBackend
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.domain.queries import access_open, users_with_email
from accounts.enums import LoginOutcome
from accounts.models import User
from hashinsight.common.prepared import Prepared

OUTCOME_ATTRIBUTE = "sign_in_outcome"


class TimeLimitedBackend(ModelBackend):
    """E-mail in any case, an active user, and *now* inside an access grant if there are any.

    A wrong address costs as much time as a wrong password, and both get the same answer. Only somebody who knows
    the password learns that access has ended: the request is marked for the login record and for the form.
    """

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        email: str | None = None,
        **credentials: Any,
    ) -> User | None:
        """The user, or None."""
        address = email or username
        if not address or not password:
            return None
        now = timezone.now()
        user = users_with_email(address).annotate(access_open=access_open("pk", now)).first()
        if user is None:
            User().set_password(password)  # a hash is computed for nobody, so that time tells nothing
            return None
        if not user.check_password(password) or not self.user_can_authenticate(user):
            return None
        if not user.access_open:
            if request is not None:
                setattr(request, OUTCOME_ATTRIBUTE, LoginOutcome.NO_ACCESS)
            return None
        return user

    def get_user(self, user_id: Any) -> User | None:
        """The user of a session, asked on every request: gone as soon as access ends or the user is inactive."""
        now = timezone.now()
        user: Any = _by_id.first(User._meta.pk.to_python(user_id), now)
        if user is None or not self.user_can_authenticate(user) or not user.access_open:
            return None
        return user


def _rows(user_id: UUID, now: datetime) -> "QuerySet[User]":
    return User.objects.annotate(access_open=access_open("pk", now)).filter(pk=user_id)


_by_id = Prepared(_rows, UUID(int=0), datetime(1970, 1, 1, tzinfo=UTC))
