"""API keys: made, rotated, revoked, looked up. The secret is shown once and kept only as a keyed hash.

A key reads ``hi_<prefix>_<secret>``: the prefix (8 letters or digits) names it, the secret (43 characters, 256
bits) opens it. What is stored is HMAC-SHA256 over the whole text with ``API_KEY_PEPPER``, so that neither a copy
of the database nor a guess at the format gives a working key.
"""

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.domain.text import harmless
from accounts.engine.networks import NetworkInvalid, all_inside, parse_networks
from accounts.enums import SCOPES, STAFF_SCOPES
from accounts.models import ApiKey, User
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.events.domain import publish

MOST_LIVE_KEYS = 20
MOST_NETWORKS = 50
OVERLAP = timedelta(hours=24)
LONGEST_OVERLAP = timedelta(days=30)
TOUCH_INTERVAL = timedelta(minutes=1)
_PREFIX_ALPHABET = string.ascii_letters + string.digits
_FORM = re.compile(r"hi_([A-Za-z0-9]{8})_[A-Za-z0-9_-]{43}")


class KeyRefused(DomainError):
    """What the key should be or do is not possible; ``code`` tells which rule stood in the way."""

    code = "key_refused"


class TooManyKeys(KeyRefused):
    """The user has as many live keys as a user may have."""

    code = "too_many_keys"


class ScopeRefused(KeyRefused):
    """A scope is unknown, reserved for staff, or wider than that of the key that asks."""

    code = "scope_refused"


class KeyNotLive(KeyRefused):
    """The key has expired or is revoked."""

    code = "key_not_live"


@dataclass(frozen=True)
class _Wish:
    name: str
    scopes: list[str]
    expires_at: datetime | None
    networks: list[str]


def create_key(
    user: User,
    *,
    name: str,
    scopes: Collection[str],
    expires_at: datetime | None,
    by: User | None,
    at: datetime,
    parent_key: ApiKey | None = None,
    allowed_networks: Collection[str] = (),
) -> tuple[ApiKey, str]:
    """Make a key for ``user``; returns it with its secret, which nobody will ever see again.

    ``parent_key`` is the key by which the call came in, if it did: the new key then belongs to the same user,
    has no scope the parent lacks, works from no address the parent does not, and does not outlive it.
    """
    with transaction.atomic(), audit_context(actor=by):
        holder = _lock_holder(user, at)
        wanted = _checked_scopes(scopes, holder)
        if expires_at is not None and expires_at <= at:
            raise KeyRefused(_("The key would have expired already."), code="key_expiry_in_the_past")
        if parent_key is not None:
            expires_at = _within_parent(parent_key, holder, wanted, expires_at, at)
        networks = checked_networks(allowed_networks, parent_key=parent_key)
        _check_room(holder, at, leaving=None)
        like = _Wish(_checked_name(name), wanted, expires_at, networks)
        return _store(holder, like, by=by, at=at, rotated_from=None)


def rotate_key(
    key: ApiKey,
    *,
    by: User | None,
    at: datetime,
    overlap: timedelta = OVERLAP,
    parent_key: ApiKey | None = None,
) -> tuple[ApiKey, str]:
    """Give ``key`` a successor with the same name, scopes and end; the old one lives on for ``overlap`` only.

    Rotation changes the secret, not the term: a longer life needs a new key. A key rotates once, and an older
    one of the same line that still lived ends now, so that never more than two of a line are live.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise KeyRefused(_("Old and new key may live side by side for at most 30 days."), code="key_overlap_invalid")
    with transaction.atomic(), audit_context(actor=by, reason="rotation"):
        holder = _lock_holder(key.user, at)
        old = _live(key, at)
        if ApiKey.objects.filter(rotated_from=old).exists():
            raise KeyRefused(_("This key has been rotated already."), code="key_rotated_already")
        wanted = _checked_scopes(old.scopes, holder)
        expires_at = old.expires_at
        if parent_key is not None:
            expires_at = _within_parent(parent_key, holder, wanted, expires_at, at)
        _end_older(old, by=by, at=at)
        _check_room(holder, at, leaving=old if not overlap else None)
        like = _Wish(old.name, wanted, expires_at, old.allowed_networks)
        successor = _store(holder, like, by=by, at=at, rotated_from=old)
        if overlap:
            last_moment = at + overlap
            old.expires_at = min(old.expires_at, last_moment) if old.expires_at else last_moment
            old.save(update_fields=["expires_at"])
        else:
            _revoke(old, by=by, at=at)
        return successor


def revoke_key(key: ApiKey, *, by: User | None, at: datetime) -> ApiKey:
    """End a key at once. An expired one may be revoked too (it then reads so); a revoked one not again."""
    with transaction.atomic(), audit_context(actor=by):
        _lock_holder(key.user, at, active=False)
        fresh: ApiKey = ApiKey.objects.select_for_update(of=("self",)).get(pk=key.pk)
        if fresh.revoked_at is not None:
            raise KeyNotLive(_("This key is revoked already."), code="key_revoked_already")
        _revoke(fresh, by=by, at=at)
    return fresh


def limit_key(
    key: ApiKey, *, networks: Collection[str], by: User | None, at: datetime, parent_key: ApiKey | None = None
) -> ApiKey:
    """From now on the key works from these addresses and networks only; none means from anywhere.

    A key that was limited cannot free itself: ``parent_key`` is the one by which the call came in, if it did.
    """
    with transaction.atomic(), audit_context(actor=by):
        _lock_holder(key.user, at)
        fresh = _live(key, at)
        fresh.allowed_networks = checked_networks(networks, parent_key=parent_key)
        fresh.save(update_fields=["allowed_networks"])
    return fresh


def checked_networks(texts: Collection[str], *, parent_key: ApiKey | None = None) -> list[str]:
    """Addresses and networks in their one spelling, within those of the parent. Raises KeyRefused."""
    if len(texts) > MOST_NETWORKS:
        raise KeyRefused(
            _("A key has at most %(most)s addresses and networks.") % {"most": MOST_NETWORKS}, code="too_many_networks"
        )
    try:
        networks = parse_networks(texts)
    except NetworkInvalid as error:
        sentence = _("%(text)s is neither an address nor a network such as 192.0.2.0/24.")
        raise KeyRefused(sentence % {"text": error}, code="network_invalid") from error
    outer = parent_key.allowed_networks if parent_key is not None else []
    if outer and not networks:
        return list(outer)
    if outer and not all_inside(networks, outer):
        raise KeyRefused(_("The key in use may not be used from there."), code="network_wider_than_parent")
    return networks


def touch_key(key: ApiKey, *, ip: str | None, at: datetime) -> bool:
    """Note the use of a key, at most once a minute; True for the first use of a day (UTC).

    Compare-and-set in one statement, without audit row and without a new ``version``: being used is no change.
    """
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=at - TOUCH_INTERVAL)
    noted = ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=at, last_used_ip=ip)
    return noted == 1 and (key.last_used_at is None or key.last_used_at.date() < at.date())


def live_keys(user: User, at: datetime) -> QuerySet[ApiKey]:
    """Keys that would open a door at that moment."""
    keys: QuerySet[ApiKey] = ApiKey.objects.filter(user=user, revoked_at__isnull=True)
    return keys.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at))


def prefix_of(presented: str) -> str | None:
    """The prefix of something that has the form of a key; None otherwise."""
    match = _FORM.fullmatch(presented)
    return match.group(1) if match else None


def opens(key: ApiKey, presented: str) -> bool:
    """Whether the text is this key's secret; takes the same time for every wrong answer."""
    return hmac.compare_digest(key.digest, digest_of(presented))


def digest_of(presented: str) -> str:
    """HMAC-SHA256 of the whole key under the pepper, as 64 hexadecimal digits."""
    return hmac.new(settings.API_KEY_PEPPER.encode(), presented.encode(), hashlib.sha256).hexdigest()


def scopes_for(user: User) -> list[str]:
    """Scopes this user's keys may carry, in their written order."""
    return [scope for scope in SCOPES if user.is_staff or scope not in STAFF_SCOPES]


def _store(
    holder: User, wish: _Wish, *, by: User | None, at: datetime, rotated_from: ApiKey | None
) -> tuple[ApiKey, str]:
    prefix = "".join(secrets.choice(_PREFIX_ALPHABET) for _place in range(8))
    secret = f"hi_{prefix}_{secrets.token_urlsafe(32)}"
    key: ApiKey = ApiKey.objects.create(
        user=holder,
        name=wish.name,
        prefix=prefix,
        digest=digest_of(secret),
        scopes=wish.scopes,
        allowed_networks=wish.networks,
        expires_at=wish.expires_at,
        rotated_from=rotated_from,
        created_by=by,
        created_at=at,
    )
    payload = {
        "key_id": str(key.public_id),
        "user_id": str(holder.pk),
        "prefix": prefix,
        "scopes": wish.scopes,
        "expires_at": wish.expires_at.isoformat() if wish.expires_at else None,
        "rotated_from": str(rotated_from.public_id) if rotated_from else None,
    }
    _publish("api_key.created", key, payload)
    return key, secret


def _revoke(key: ApiKey, *, by: User | None, at: datetime) -> None:
    key.revoked_at = at
    key.save(update_fields=["revoked_at"])
    payload = {
        "key_id": str(key.public_id),
        "user_id": str(key.user_id),
        "prefix": key.prefix,
        "by": str(by.pk) if by else None,
    }
    _publish("api_key.revoked", key, payload)


def _publish(kind: str, key: ApiKey, payload: Mapping[str, Any]) -> None:
    publish(kind, aggregate_type="api_key", aggregate_id=key.public_id, user_id=key.user_id, payload=dict(payload))


def _lock_holder(user: User, at: datetime, *, active: bool = True) -> User:
    """The key's owner under lock: all changes to one person's keys come one after another."""
    holder = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    if active and not holder.is_active:
        raise KeyRefused(_("%(user)s is deactivated.") % {"user": holder}, code="user_inactive")
    return holder


def _live(key: ApiKey, at: datetime) -> ApiKey:
    fresh: ApiKey = ApiKey.objects.select_for_update(of=("self",)).get(pk=key.pk)
    if not fresh.is_live(at):
        raise KeyNotLive(_("The key %(prefix)s has ended.") % {"prefix": fresh.prefix})
    return fresh


def _end_older(key: ApiKey, *, by: User | None, at: datetime) -> None:
    older = key.rotated_from
    while older is not None:
        if older.is_live(at):
            _revoke(older, by=by, at=at)
        older = older.rotated_from


def _check_room(holder: User, at: datetime, *, leaving: ApiKey | None) -> None:
    live = live_keys(holder, at)
    if leaving is not None:
        live = live.exclude(pk=leaving.pk)
    if live.count() >= MOST_LIVE_KEYS:
        raise TooManyKeys(
            _("%(user)s has %(most)s live keys; revoke one first.") % {"user": holder, "most": MOST_LIVE_KEYS},
            most=MOST_LIVE_KEYS,
        )


def _checked_name(name: str) -> str:
    cleaned = harmless(name, 100)
    if not cleaned:
        raise KeyRefused(_("A key needs a name."), code="key_name_missing")
    return cleaned


def _checked_scopes(scopes: Collection[str], holder: User) -> list[str]:
    """Known scopes this user may hold, each once, in their written order."""
    wanted = set(scopes)
    if not wanted:
        raise ScopeRefused(_("A key needs at least one scope."), code="scope_missing")
    unknown = sorted(wanted - set(SCOPES))
    if unknown:
        raise ScopeRefused(_("Unknown scope: %(scopes)s.") % {"scopes": ", ".join(unknown)}, code="scope_unknown")
    reserved = sorted(wanted - set(scopes_for(holder)))
    if reserved:
        raise ScopeRefused(_("For staff only: %(scopes)s.") % {"scopes": ", ".join(reserved)}, code="scope_for_staff")
    return [scope for scope in SCOPES if scope in wanted]


def _within_parent(
    parent_key: ApiKey, holder: User, scopes: list[str], expires_at: datetime | None, at: datetime
) -> datetime | None:
    """No key can make a stronger or longer-lived one; without a stated end the child ends with its parent."""
    parent = _live(parent_key, at)
    if parent.user_id != holder.pk:
        raise KeyRefused(_("A key makes keys for its own user only."), code="key_of_another_user")
    wider = sorted(set(scopes) - set(parent.scopes))
    if wider:
        raise ScopeRefused(
            _("The key in use lacks: %(scopes)s.") % {"scopes": ", ".join(wider)}, code="scope_wider_than_parent"
        )
    if parent.expires_at is None:
        return expires_at
    if expires_at is None:
        return parent.expires_at
    if expires_at > parent.expires_at:
        raise KeyRefused(_("A key cannot make one that outlives it."), code="key_outlives_parent")
    return expires_at
