"""Login records: every attempt to get in leaves one, whatever becomes of the request around it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import connection

from accounts.domain.text import harmless
from accounts.enums import LoginMethod, LoginOutcome
from accounts.models import LoginRecord


def record_login_attempt(
    *,
    email: str,
    outcome: LoginOutcome,
    at: datetime,
    method: LoginMethod = LoginMethod.PASSWORD,
    user_id: UUID | None = None,
    ip_address: str | None = None,
    user_agent: str = "",
    request_id: str = "",
    location: str = "",
) -> LoginRecord:
    """Write one record that no rollback of the caller can take back.

    Web requests run in autocommit, so the row is committed at once. Inside a transaction it goes over a
    connection of its own, which in Django means a thread of its own.
    """
    record = LoginRecord(
        email=harmless(email, 256),
        user_id=user_id,
        method=method,
        outcome=outcome,
        ip_address=ip_address,
        user_agent=harmless(user_agent, 300),
        request_id=request_id,
        location=harmless(location, 512),
        attempted_at=at,
    )
    if connection.in_atomic_block and settings.CLIENT_SCOPE_DURABLE:
        with ThreadPoolExecutor(max_workers=1) as own_connection:
            own_connection.submit(_save_elsewhere, record).result()
    else:
        record.save(force_insert=True)
    return record


def complete_sign_in(record_id: int, *, user_id: UUID) -> bool:
    """The second factor was right: the attempt that waited for it becomes a success. False when there is none."""
    waiting = LoginRecord.objects.filter(pk=record_id, user_id=user_id, outcome=LoginOutcome.FAILED)
    return waiting.update(outcome=LoginOutcome.SUCCESS) == 1


def _save_elsewhere(record: LoginRecord) -> None:
    try:
        record.save(force_insert=True)
    finally:
        connection.close()
