"""From a web request to its login record."""

from django.http import HttpRequest
from django.utils import timezone

from accounts.domain.queries import users_with_email
from accounts.domain.records import record_login_attempt
from accounts.enums import LoginOutcome
from accounts.models import User
from hashinsight.common.context import current_request_id
from hashinsight.common.requests import client_ip

WAITING_RECORD = "sign_in_waiting_record"  # in the session: the record of a right password that waits for a code


def record_attempt(request: HttpRequest | None, *, email: str, outcome: LoginOutcome, user: User | None = None) -> int:
    """Write the record of this request's attempt; returns its id."""
    found = user or users_with_email(email.strip()[:254]).first()
    record = record_login_attempt(
        email=email,
        outcome=outcome,
        at=timezone.now(),
        user_id=found.pk if found else None,
        ip_address=client_ip(request),
        user_agent=request.headers.get("User-Agent", "") if request else "",
        request_id=current_request_id(),
    )
    return record.pk
