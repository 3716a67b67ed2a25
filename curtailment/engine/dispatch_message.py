"""Messages of signed webhooks: whether a signature holds (Standard Webhooks 1.0), and what the JSON says."""

import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from curtailment.engine.dispatching import Action, Call
from hashinsight.notify.engine.signing import signature

LARGEST = 64 * 1024
MOST_SIGNATURES = 10
LONGEST_ID = 255
LONGEST_REFERENCE = 200
LONGEST_REASON = 300
MOST_KW = Decimal(10_000_000)
WINDOW_S = 300  # how far the time of a signature may lie from ours
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
MOST_NUMBER = 2**62
NAMES = frozenset(
    {
        "dispatch", "action", "site", "starts_at", "ends_at", "open_ended", "goal", "kw", "test", "authorised",
        "sequence", "sent_at", "reason",
    }
)  # fmt: skip


class NotSigned(ValueError):
    """The message does not come from whoever holds the secret."""


class TooOld(ValueError):
    """It was signed too long ago, or in the future: it may be somebody else's copy."""


class Malformed(ValueError):
    """The JSON is no message; ``name`` says which part."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


def verify(
    secrets: Sequence[str], *, message_id: str, timestamp: str, signatures: str, body: bytes, at: datetime
) -> None:
    """Raise NotSigned unless one of the signatures is made with one of the secrets, then TooOld."""
    if not (0 < len(message_id) <= LONGEST_ID and message_id.isascii() and message_id.isprintable()):
        raise NotSigned("webhook-id")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise NotSigned("webhook-timestamp")
    given = signatures.split()[:MOST_SIGNATURES]
    moment = int(timestamp)
    wanted = [signature(one, message_id=message_id, timestamp=moment, body=body) for one in secrets]
    fits = [hmac.compare_digest(one.encode(), other.encode()) for one in wanted for other in given]
    if not any(fits):
        raise NotSigned("webhook-signature")
    if abs(at.timestamp() - moment) > WINDOW_S:
        raise TooOld("webhook-timestamp")


def call_of(said: Mapping[str, Any]) -> tuple[Call, str]:
    """The message in a JSON object, and the site as it names it. Raises Malformed."""
    unknown = sorted(set(map(str, said)) - NAMES)
    if unknown:
        raise Malformed(unknown[0], "is not known here")
    action = _one_of(said, "action", ("call", "cancel"), "call")
    call = Call(
        dispatch_id=_text(said, "dispatch", LONGEST_REFERENCE, needed=True),
        action=Action(action),
        starts_at=_moment(said, "starts_at"),
        ends_at=_moment(said, "ends_at"),
        open_ended=_flag(said, "open_ended", standard=False),
        goal=_one_of(said, "goal", ("by", "to"), ""),
        kw=_kw(said),
        is_test=_flag(said, "test", standard=False),
        is_authorised=_flag(said, "authorised", standard=True),
        sequence=_number(said, "sequence"),
        sent_at=_moment(said, "sent_at"),
        reason=_text(said, "reason", LONGEST_REASON),
    )
    if call.open_ended and call.ends_at is not None:
        raise Malformed("open_ended", "stands beside an end")
    return call, _text(said, "site", LONGEST_REFERENCE)


def _text(said: Mapping[str, Any], name: str, most: int, *, needed: bool = False) -> str:
    value = said.get(name)
    if value is None and not needed:
        return ""
    if not isinstance(value, str) or not value.strip() or len(value) > most or not value.isprintable():
        raise Malformed(name, f"must be a text of 1 to {most} characters on one line")
    return value.strip()


def _one_of(said: Mapping[str, Any], name: str, words: Sequence[str], standard: str) -> str:
    value = said.get(name)
    if value is None:
        return standard
    if not isinstance(value, str) or value not in words:
        raise Malformed(name, f"must be one of: {', '.join(words)}")
    return value


def _flag(said: Mapping[str, Any], name: str, *, standard: bool) -> bool:
    value = said.get(name)
    if value is None:
        return standard
    if not isinstance(value, bool):
        raise Malformed(name, "must be true or false")
    return value


def _number(said: Mapping[str, Any], name: str) -> int | None:
    value = said.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_NUMBER:
        raise Malformed(name, "must be a whole number, not negative")
    return value


def _kw(said: Mapping[str, Any]) -> Decimal | None:
    value = said.get("kw")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal) or len(str(value)) > 40:
        raise Malformed("kw", "must be a number")
    try:
        number = Decimal(value)
    except InvalidOperation as error:
        raise Malformed("kw", "must be a number") from error
    if not number.is_finite() or not 0 <= number <= MOST_KW:
        raise Malformed("kw", f"must lie between 0 and {MOST_KW}")
    return number.quantize(Decimal("0.001"))


def _moment(said: Mapping[str, Any], name: str) -> datetime | None:
    value = said.get(name)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) and len(value) <= 40 else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not EARLIEST <= moment <= LATEST:
        raise Malformed(name, "must be a time such as 2026-11-20T09:30:00Z")
    return moment.astimezone(UTC)
