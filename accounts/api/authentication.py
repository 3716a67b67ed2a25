"""Who calls the API: ``Authorization: Bearer hi_…``."""

from datetime import UTC, datetime
from typing import Any, NoReturn

from django.core.cache import cache
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.clients.geoip import locate
from accounts.domain.keys import opens, prefix_of, touch_key
from accounts.domain.queries import access_open, has_second_factor, key_open
from accounts.domain.records import record_login_attempt
from accounts.engine.networks import is_inside
from accounts.enums import LoginMethod, LoginOutcome
from accounts.models import ApiKey, User
from accounts.rules import second_factor_due
from hashinsight.common.api.problems import Problem
from hashinsight.common.context import current_request_id
from hashinsight.common.prepared import Prepared
from hashinsight.common.requests import client_ip

FAILURES_RECORDED_PER_MINUTE = 10


class ApiKeyAuthentication(BaseAuthentication):
    """One key, one user: sets ``request.user`` and ``request.auth`` (the key).

    A wrong key says nothing about which part of it is wrong; only the holder of the right secret hears that it
    has expired, is revoked, or that the user may not come in. Failed attempts leave a login record, ten a minute
    and address at most, so that nobody can flood the table; of the uses of a working key the first of a day (UTC)
    leaves one, the others show in ``last_used_at``.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        """None without a bearer token (the request is then anonymous); raises when the key opens nothing."""
        word, _space, presented = request.headers.get("Authorization", "").partition(" ")
        if word.lower() != "bearer":
            return None
        now = timezone.now()
        presented = presented.strip()
        key = _find(presented, now)
        if key is None:
            prefix = prefix_of(presented)
            _refuse(request, now, code="invalid_key", message=_("Invalid API key."), typed=f"hi_{prefix or '?'}…")
        ip = client_ip(request._request)
        self._check(request, key, now)
        self._check_place(request, key, ip, now)
        if touch_key(key, ip=ip, at=now):
            _record(request, now, email=key.user.email, outcome=LoginOutcome.SUCCESS, user=key.user)
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        """Makes the answer a 401 and says how to do it right."""
        return 'Bearer realm="HashInsight API"'

    def still_open(self, request: Request) -> None:
        """Nothing that ended since the call came in is carried out. Raises AuthenticationFailed."""
        key: Any = request.auth
        if not key_open(key, at=timezone.now()):
            raise AuthenticationFailed(_("The access of this key has just ended."), code="key_revoked")

    def _check_place(self, request: Request, key: ApiKey, ip: str | None, now: datetime) -> None:
        """The key is right and lives; this is about where it is used and who stands behind it: 403, not 401."""
        if key.allowed_networks and not is_inside(ip, key.allowed_networks):
            detail = _("This API key may not be used from %(ip)s.") % {"ip": ip or "?"}
            _forbid(request, key, now, code="address_not_allowed", detail=detail)
        if not key.has_factor and second_factor_due(key.user, now):  # type: ignore[attr-defined]
            detail = _("The holder of this API key must set up a second factor first.")
            _forbid(request, key, now, code="second_factor_missing", detail=detail)

    def _check(self, request: Request, key: ApiKey, now: datetime) -> None:
        email, user = key.user.email, key.user
        if key.revoked_at is not None:
            _refuse(request, now, code="key_revoked", message=_("This API key is revoked."), typed=email, user=user)
        if not key.is_live(now):
            _refuse(request, now, code="key_expired", message=_("This API key has expired."), typed=email, user=user)
        if not user.is_active:
            _refuse(request, now, code="no_access", message=_("This user is inactive."), typed=email, user=user)
        if not key.access_open:  # type: ignore[attr-defined]
            _refuse(
                request,
                now,
                code="no_access",
                message=_("The access of this user has ended or has not begun yet."),
                typed=email,
                user=user,
                outcome=LoginOutcome.NO_ACCESS,
            )


def _find(presented: str, now: datetime) -> ApiKey | None:
    """The key whose secret this is; the whole way in is one query."""
    prefix = prefix_of(presented)
    if prefix is None:
        return None
    key = _by_prefix.first(prefix, now)
    return key if key is not None and opens(key, presented) else None


def _rows(prefix: str, now: datetime) -> "QuerySet[ApiKey]":
    return (
        ApiKey.objects.select_related("user")
        .annotate(access_open=access_open("user_id", now), has_factor=has_second_factor("user_id"))
        .filter(prefix=prefix)
    )


_by_prefix = Prepared(_rows, "?prefix?", datetime(1970, 1, 1, tzinfo=UTC))


def _refuse(
    request: Request,
    now: datetime,
    *,
    code: str,
    message: str,
    typed: str,
    user: User | None = None,
    outcome: LoginOutcome = LoginOutcome.FAILED,
) -> NoReturn:
    if _may_record(client_ip(request._request), now):
        _record(request, now, email=typed, outcome=outcome, user=user)
    raise AuthenticationFailed(message, code=code)


def _forbid(request: Request, key: ApiKey, now: datetime, *, code: str, detail: str) -> NoReturn:
    if _may_record(client_ip(request._request), now):
        _record(request, now, email=key.user.email, outcome=LoginOutcome.FAILED, user=key.user)
    raise Problem(403, code, detail)


def _record(request: Request, now: datetime, *, email: str, outcome: LoginOutcome, user: User | None) -> None:
    record_login_attempt(
        email=email,
        outcome=outcome,
        at=now,
        method=LoginMethod.API_KEY,
        user_id=user.pk if user else None,
        ip_address=client_ip(request._request),
        user_agent=request.headers.get("User-Agent", ""),
        request_id=current_request_id(),
        location=locate(client_ip(request._request)),
    )


def _may_record(ip: str | None, now: datetime) -> bool:
    """Counts in the cache all processes share, by minute and address."""
    counter = f"failed-keys:{ip}:{now:%Y%m%d%H%M}"
    cache.add(counter, 0, timeout=120)
    try:
        return int(cache.incr(counter)) <= FAILURES_RECORDED_PER_MINUTE
    except ValueError:  # evicted between the two calls
        return True
