"""Keys that leases are signed with: made when the first is needed, rotated with two, retired when nobody needs them.

A device pins public keys when it enrols or rotates its token, and afterwards those that a lease names which is signed
with a key it has pinned. So a new key reaches every device that calls before the old one is retired.
"""

import base64
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_row
from hosting.engine.leasing.document import key_name, new_key
from hosting.enums import EdgeStatus
from hosting.models import EdgeLease, LeaseKey

LATELY = timedelta(days=7)  # a device that has not called for longer has to be looked at anyway
_ONE = "SELECT pg_advisory_xact_lock(hashtextextended('hosting lease keys', 0))"


class KeyRefused(DomainError):
    """The key of leases cannot be made or retired like this."""

    code = "lease_key_refused"


def active_keys() -> list[LeaseKey]:
    """Those in use, the newest first; the first one is made when it is asked for."""
    rows = list(_active())
    return rows or [_first()]


def public_keys() -> list[str]:
    """What devices pin, base64."""
    return [row.public_key for row in active_keys()]


def signing_key(known: Collection[str]) -> LeaseKey | None:
    """The newest that a device has pinned; None where it has pinned none of ours."""
    return next((row for row in active_keys() if row.name in known), None)


@transaction.atomic
def rotate(*, by: Any, at: datetime) -> LeaseKey:
    """Another key, which signs for each device from its second call on. Raises KeyRefused while there are two."""
    _one_at_a_time()
    if len(_active()) > 1:
        raise KeyRefused(_("Two keys are in use; retire the older one first."))
    return _make(at)


@transaction.atomic
def retire(key: LeaseKey, *, by: Any, at: datetime, force: bool = False) -> LeaseKey:
    """Sign with it no more. Raises KeyRefused for the last one, and while a device knows no other (but by force).

    By force: for a key that others may have; devices that know no other have to rotate their token.
    """
    _one_at_a_time()
    locked = lock_row(key)
    if locked.retired_at is not None:
        raise KeyRefused(_("It is retired already."))
    others = [row.name for row in _active() if row.pk != locked.pk]
    if not others:
        raise KeyRefused(_("It is the only one. Make another one first."))
    rows = EdgeLease.objects.filter(asked_at__gte=at - LATELY, device__status=EdgeStatus.ACTIVE)
    alone = [row.device for row in rows.select_related("device") if not set(others) & set(row.known_keys)]
    if alone and not force:
        raise KeyRefused(
            _("%(count)s devices know no other key yet, one of them %(device)s.")
            % {"count": len(alone), "device": alone[0]}
        )
    locked.retired_at = at
    locked.save(update_fields=["retired_at"])
    return locked.reload()


def private_key(key: LeaseKey) -> bytes:
    """To sign with. Raises SecretUnreadable."""
    row: Any = key
    return base64.b64decode(row.reveal_private_key())


def _active() -> Any:
    return LeaseKey.objects.filter(retired_at=None).order_by("-pk")


@transaction.atomic
def _first() -> LeaseKey:
    _one_at_a_time()
    found: LeaseKey | None = _active().first()
    return found or _make(None)


def _make(at: datetime | None) -> LeaseKey:
    private, public = new_key()
    row: Any = LeaseKey(name=key_name(public), public_key=base64.b64encode(public).decode())
    if at is not None:
        row.created_at = at
    row.conceal_private_key(base64.b64encode(private).decode())
    row.save()
    made: LeaseKey = row
    return made


def _one_at_a_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_ONE)
