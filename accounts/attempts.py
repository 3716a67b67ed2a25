"""From a web request to its login record."""

from django.http import HttpRequest
from django.utils import timezone

from accounts.clients.geoip import locate
from accounts.domain.queries import users_with_email
from accounts.domain.records import record_login_attempt
from accounts.domain.text import harmless
from accounts.enums import LoginOutcome
from accounts.models import User
from hashinsight.common.context import current_request_id
from hashinsight.common.requests import client_ip

WAITING_RECORD = "sign_in_waiting_record"  # in the session: the record of a right password that waits for a code


def user_agent_of(request: HttpRequest | None) -> str:
    """What the browser says about itself, fit for storing."""
    return harmless(request.headers.get("User-Agent", ""), 300) if request is not None else ""


def record_attempt(request: HttpRequest | None, *, email: str, outcome: LoginOutcome, user: User | None = None) -> int:
    """Write the record of this request's attempt; returns its id."""
    found = user or users_with_email(email.strip()[:254]).first()
    record = record_login_attempt(
        email=email,
        outcome=outcome,
        at=timezone.now(),
        user_id=found.pk if found else None,
        ip_address=client_ip(request),
        user_agent=user_agent_of(request),
        request_id=current_request_id(),
        location=locate(client_ip(request)),
    )
    return record.pk
