"""``Idempotency-Key``: the same call sent twice has one effect and one answer.

The claim is committed first, as the application, and expires; the answer is stored in the transaction of the effect,
which holds the claim's row locked. So a duplicate either meets a running claim (409), a stored answer (replayed), or
the claim of a dead process that has expired and may be taken over. An error gives the claim back.
"""

import hashlib
import re
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request

from hashinsight.common.api.problems import BadRequest, Problem
from hashinsight.common.models import IdempotencyRecord

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
_FORM = re.compile(r"[\x21-\x7e]{1,255}")
_KEPT_HEADERS = ("Content-Type", "Location", "Content-Location", "ETag")


@dataclass(frozen=True)
class Claim:
    """This request may act under the key."""

    record_id: int
    token: uuid.UUID

    def lock(self) -> None:
        """Hold the record through the transaction of the effect. Raises 409 when another request took it over."""
        mine = IdempotencyRecord.objects.select_for_update().filter(pk=self.record_id, claim_token=self.token)
        if not mine.exists():
            raise _in_progress(1)

    def store(self, response: HttpResponse, text: str) -> None:
        """Keep the answer, in the transaction of the effect; ``text`` is the body as it may be told again."""
        headers = {name: response[name] for name in _KEPT_HEADERS if name in response}
        stored = IdempotencyRecord.objects.filter(pk=self.record_id, claim_token=self.token).update(
            response_status=response.status_code, response_body={"text": text, "headers": headers}
        )
        if stored != 1:
            raise _in_progress(1)

    def release(self) -> None:
        """After an error: the key is free again."""
        IdempotencyRecord.objects.filter(
            pk=self.record_id, claim_token=self.token, response_status__isnull=True
        ).delete()


@dataclass(frozen=True)
class Replay:
    """The key has been answered already."""

    status: int
    body: dict[str, Any]

    def response(self) -> HttpResponse:
        """The first answer again, marked."""
        response = HttpResponse(self.body["text"].encode(), status=self.status)
        for name, value in self.body["headers"].items():
            response[name] = value
        response[REPLAYED_HEADER] = "true"
        response["Cache-Control"] = "no-store"
        return response


def begin(request: Request) -> Claim | Replay | None:
    """Claim the key of this call; None without the header. Raises 400, 409 or 422 as ``code`` says."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not _FORM.fullmatch(key):
        raise BadRequest(
            "idempotency_key_invalid", _("An Idempotency-Key has 1 to 255 visible ASCII characters, without spaces.")
        )
    now = timezone.now()
    with transaction.atomic(durable=settings.CLIENT_SCOPE_DURABLE):
        return _claim(str(request.user.pk), key, fingerprint(request), now)


def fingerprint(request: Request) -> str:
    """Method, address and body: what makes two calls the same call."""
    digest = hashlib.sha256()
    for part in (str(request.method).encode(), request._request.get_full_path().encode(), request._request.body):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _claim(owner: str, key: str, mark: str, now: datetime) -> Claim | Replay:
    token = uuid.uuid4()
    until = now + timedelta(seconds=settings.IDEMPOTENCY_CLAIM_SECONDS)
    fresh = IdempotencyRecord(
        owner=owner, key=key, fingerprint=mark, claim_token=token, claimed_until=until, created_at=now
    )
    IdempotencyRecord.objects.bulk_create([fresh], ignore_conflicts=True)
    record = IdempotencyRecord.objects.filter(owner=owner, key=key).first()
    if record is None:  # released by another request between the two statements
        raise _in_progress(1)
    if record.claim_token == token:
        return Claim(record.pk, token)
    kept_until = record.created_at + timedelta(hours=settings.IDEMPOTENCY_KEEP_HOURS)
    if record.response_status is not None and now < kept_until:
        if record.fingerprint != mark:
            raise _mismatch()
        return Replay(record.response_status, record.response_body or {})
    if record.response_status is None and now < record.claimed_until:
        if record.fingerprint != mark:
            raise _mismatch()
        raise _in_progress(max(1, int((record.claimed_until - now).total_seconds())))
    return _take_over(record, mark, token, until, now)


def _take_over(record: IdempotencyRecord, mark: str, token: uuid.UUID, until: datetime, now: datetime) -> Claim:
    """The claimant died, or the answer is older than we keep them: compare-and-set, so that one request wins."""
    unchanged = IdempotencyRecord.objects.filter(
        pk=record.pk, claim_token=record.claim_token, response_status__isnull=record.response_status is None
    )
    taken = unchanged.update(
        claim_token=token,
        claimed_until=until,
        fingerprint=mark,
        created_at=now,
        response_status=None,
        response_body=None,
    )
    if taken != 1:
        raise _in_progress(1)
    return Claim(record.pk, token)


def _mismatch() -> Problem:
    return Problem(
        422, "idempotency_mismatch", _("This Idempotency-Key was used for another call. Use a new key for a new call.")
    )


def _in_progress(seconds: int) -> Problem:
    return Problem(
        409,
        "idempotency_in_progress",
        _("A call with this Idempotency-Key is still running."),
        headers={"Retry-After": str(min(seconds, 5))},
    )
