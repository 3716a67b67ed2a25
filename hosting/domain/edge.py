"""Edge devices: registering, trading a code for a token, rotating it, revoking, and knowing one by its token.

A token reads ``hie_<prefix>_<secret>``, a code ``XXXXX-XXXXX-XXXXX-XXXXX``; both are kept as HMAC-SHA256 under the
pepper of the API keys. Revoking works from the next call on: a token is looked up with each.
"""

import base64
import binascii
import hmac
import re
import secrets
import string
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.domain.keys import digest_of
from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_for_move, lock_row
from hashinsight.events.domain import publish
from hosting.enums import EDGE_MOVES, EdgeStatus, PlaceStatus
from hosting.models import EdgeDevice, EdgeEnrolment, EdgeToken, Miner, QuarantinedReading, Site, Zone

CODE_LIVES = timedelta(hours=24)
OVERLAP = timedelta(hours=24)  # how long the token before still opens after a rotation
LONGEST_GRACE_HOURS = 168
LONGEST_GRACE = timedelta(hours=LONGEST_GRACE_HOURS)
TOUCH_INTERVAL = timedelta(seconds=30)
SILENT_AFTER = timedelta(minutes=15)
_CODE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # nothing that is read as something else
_PREFIX_ALPHABET = string.ascii_letters + string.digits
_FORM = re.compile(r"hie_([A-Za-z0-9]{8})_[A-Za-z0-9_-]{43}")
_KEY_BYTES = 32


class EdgeRefused(DomainError):
    """What is asked of an edge device, or by one, is not possible."""

    code = "edge_refused"


class CodeRefused(EdgeRefused):
    """The code is wrong, was used, or is too old; which of these is not said."""

    code = "code_refused"


@dataclass(frozen=True, slots=True)
class Caller:
    """A device that proved who it is, with the token it came by."""

    device: EdgeDevice
    token: EdgeToken


@transaction.atomic
def register_device(
    *, serial: str, name: str, site: Site, zone: Zone | None = None, by: Any, at: datetime
) -> tuple[EdgeDevice, str]:
    """Enter a device; returns it with the code it is to be given, which nobody will see again."""
    if site.status != PlaceStatus.ACTIVE or (zone is not None and zone.status != PlaceStatus.ACTIVE):
        raise EdgeRefused(_("%(place)s is archived.") % {"place": zone or site})
    if zone is not None and zone.site_id != site.pk:
        raise EdgeRefused(_("%(zone)s is no zone of %(site)s.") % {"zone": zone, "site": site})
    device = EdgeDevice(serial=serial.strip(), name=name.strip(), site=site, zone=zone, registered_at=at, created_at=at)
    device.full_clean()
    device.save()
    code = _new_code(device, at)
    _publish("edge_device.registered", device, by)
    return device, code


@transaction.atomic
def give_code(device: EdgeDevice, *, by: Any, at: datetime) -> str:
    """A new code: for a device that lost its token, or was set up anew. Codes given before end."""
    locked = lock_row(device)
    _refuse_revoked(locked)
    code = _new_code(locked, at)
    _publish("edge_device.code_given", locked, by)
    return code


def _new_code(device: EdgeDevice, at: datetime) -> str:
    EdgeEnrolment.objects.filter(device=device, used_at__isnull=True).delete()
    letters = "".join(secrets.choice(_CODE_ALPHABET) for _place in range(20))
    EdgeEnrolment.objects.create(
        device=device, digest=digest_of(f"edge code {letters}"), expires_at=at + CODE_LIVES, created_at=at
    )
    return "-".join(letters[start : start + 5] for start in range(0, 20, 5))


@transaction.atomic
def enrol(code: str, *, public_key: str, software_version: str = "", at: datetime) -> tuple[EdgeDevice, str]:
    """Trade a code for a token; tokens the device had before end. Raises CodeRefused, EdgeRefused."""
    key = _checked_key(public_key)
    letters = re.sub(r"[\s-]", "", code).upper()
    enrolment = (
        EdgeEnrolment.objects.select_for_update(of=("self",))
        .filter(digest=digest_of(f"edge code {letters}"), used_at__isnull=True, expires_at__gt=at)
        .first()
    )
    if enrolment is None:
        raise CodeRefused(_("This code opens nothing: it is wrong, was used, or is too old."))
    device = lock_row(enrolment.device)
    if device.status == EdgeStatus.REVOKED:
        raise CodeRefused(_("This code opens nothing: it is wrong, was used, or is too old."))
    enrolment.used_at = at
    enrolment.save(update_fields=["used_at"])
    if device.status == EdgeStatus.WAITING:
        device = lock_for_move(device, field="status", to=EdgeStatus.ACTIVE, moves=EDGE_MOVES)
        device.status = EdgeStatus.ACTIVE
    device.public_key, device.software_version = key, software_version[:60]
    device.save()
    _end_tokens(device, at)
    token = _new_token(device, at)
    _publish("edge_device.enrolled", device, None)
    return device.reload(), token


def _checked_key(text: str) -> str:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EdgeRefused(_("The public key is no base64."), code="public_key_invalid") from error
    if len(raw) != _KEY_BYTES or not any(raw):
        raise EdgeRefused(_("An X25519 public key has 32 bytes."), code="public_key_invalid")
    return base64.b64encode(raw).decode()


@transaction.atomic
def rotate_token(caller: Caller, *, at: datetime) -> str:
    """A new token; the one in use lives on for a day, any older one ends now: never more than two live."""
    device = lock_row(caller.device)
    _refuse_revoked(device)
    current = EdgeToken.objects.select_for_update(of=("self",)).get(pk=caller.token.pk)
    if not current.is_live(at):
        raise EdgeRefused(_("This token has ended."), code="token_ended")
    _end_tokens(device, at, but=current)
    current.expires_at = at + OVERLAP
    current.save(update_fields=["expires_at"])
    token = _new_token(device, at)
    _publish("edge_device.token_rotated", device, None)
    return token


@transaction.atomic
def replace_token(device: EdgeDevice, *, grace: timedelta, by: Any, at: datetime) -> str:
    """A new token from the back office, to be brought to the device; its key stays, and what is sealed to it.

    The newest token of before opens for the ``grace`` (none: it ends now), any older one ends now: never more than two
    live. Raises EdgeRefused for a device that is revoked or has not traded its code yet, and for a grace that makes no
    sense.
    """
    locked = lock_row(device)
    _refuse_revoked(locked)
    if locked.status != EdgeStatus.ACTIVE:
        raise EdgeRefused(_("%(device)s has not traded its code for a token yet.") % {"device": locked})
    if not timedelta(0) <= grace <= LONGEST_GRACE:
        raise EdgeRefused(_("The token of before may open for 0 to %(hours)s hours.") % {"hours": LONGEST_GRACE_HOURS})
    live = EdgeToken.objects.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at), device=locked, revoked_at=None)
    newest = live.order_by("-created_at", "-pk").first() if grace else None
    _end_tokens(locked, at, but=newest)
    if newest is not None and (newest.expires_at is None or newest.expires_at > at + grace):
        newest.expires_at = at + grace
        newest.save(update_fields=["expires_at"])
    token = _new_token(locked, at)
    _publish("edge_device.token_rotated", locked, by)
    return token


@transaction.atomic
def revoke_device(device: EdgeDevice, *, by: Any, at: datetime) -> EdgeDevice:
    """Refuse a device for good, from its next call on."""
    locked = lock_for_move(device, field="status", to=EdgeStatus.REVOKED, moves=EDGE_MOVES)
    locked.status, locked.revoked_at = EdgeStatus.REVOKED, at
    locked.save(update_fields=["status", "revoked_at"])
    _end_tokens(locked, at)
    EdgeEnrolment.objects.filter(device=locked, used_at__isnull=True).delete()
    _publish("edge_device.revoked", locked, by)
    return locked.reload()


def _end_tokens(device: EdgeDevice, at: datetime, *, but: EdgeToken | None = None) -> None:
    live = EdgeToken.objects.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at), device=device, revoked_at=None)
    for token in live.exclude(pk=but.pk) if but else live:
        token.revoked_at = at
        token.save(update_fields=["revoked_at"])


def _new_token(device: EdgeDevice, at: datetime) -> str:
    prefix = "".join(secrets.choice(_PREFIX_ALPHABET) for _place in range(8))
    secret = f"hie_{prefix}_{secrets.token_urlsafe(32)}"
    EdgeToken.objects.create(device=device, prefix=prefix, digest=digest_of(secret), created_at=at)
    return secret


def caller_by(presented: str, *, at: datetime) -> Caller | None:
    """Whose token this is; None for one that opens nothing, whatever the reason."""
    match = _FORM.fullmatch(presented)
    if match is None:
        return None
    token = EdgeToken.objects.select_related("device__site", "device__zone").filter(prefix=match.group(1)).first()
    if token is None or not hmac.compare_digest(token.digest, digest_of(presented)):
        return None
    if not token.is_live(at) or token.device.status != EdgeStatus.ACTIVE:
        return None
    return Caller(token.device, token)


def hear(device: EdgeDevice, *, at: datetime) -> None:
    """Note that a device called, at most twice a minute; that is no change of the device."""
    if device.last_seen_at is None or device.last_seen_at <= at - TOUCH_INTERVAL:
        stale = Q(last_seen_at__isnull=True) | Q(last_seen_at__lte=at - TOUCH_INTERVAL)
        EdgeDevice.objects.filter(stale, pk=device.pk).update(last_seen_at=at)


def machines_to_read(device: EdgeDevice) -> list[Miner]:
    """Machines in its zone (without one: at its site) that have an address and are to be read."""
    rows = Miner.objects.filter(site=device.site_id, is_collected=True, address__isnull=False)
    if device.zone_id is not None:
        rows = rows.filter(zone=device.zone_id)
    return list(rows.order_by("pk"))


def mark_seen(rows: Any, *, by: Any, at: datetime) -> int:
    """Say that somebody looked at readings that were put aside; returns how many were new to them."""
    seen: int = QuarantinedReading.objects.filter(pk__in=[row.pk for row in rows], seen_at__isnull=True).update(
        seen_at=at
    )
    return seen


def _refuse_revoked(device: EdgeDevice) -> None:
    if device.status == EdgeStatus.REVOKED:
        raise EdgeRefused(_("%(device)s is revoked.") % {"device": device}, code="device_revoked")


def _publish(kind: str, device: EdgeDevice, by: Any) -> None:
    publish(
        kind,
        aggregate_type="edge_device",
        aggregate_id=device.public_id,
        user_id=getattr(by, "pk", None),
        payload={
            "device_id": str(device.public_id),
            "serial": device.serial,
            "site_id": str(device.site.public_id),
            "status": str(device.status),
        },
    )
