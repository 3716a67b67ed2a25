"""Whether this system may act on the outside world, or is held because its database came back from a backup.

Who sends (workers, the relay of the sinks, later the sender of commands) asks ``may_act`` first. A restored database
is recognised without anybody's help: cluster, timeline and database number make a fingerprint, which the row of the
current life repeats. A database brought up from a dump, a base backup or a standby differs from it.
"""

from collections.abc import Iterable
from typing import Any

from django.db import connection, transaction

from hashinsight.common.models import Incarnation

# Cluster, timeline (a new one begins with each recovery that ends) and the number of the database in the cluster.
_HERE = (
    "(SELECT system_identifier FROM pg_control_system())::text"
    " || '-' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)"
    " || '-' || (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_STANDING = f"""
SELECT held_at IS NOT NULL AND released_at IS NULL, fingerprint = {_HERE} FROM common_incarnation WHERE is_current
"""  # noqa: S608  (constants)
_LOCK = 7_310_516

_inward: set[str] = set()


def register_inward(kinds: Iterable[str]) -> None:
    """Name kinds of due work that stay inside the house (drawing a PDF): a hold does not stop them."""
    _inward.update(kinds)


def inward_kinds() -> list[str]:
    """Kinds of due work that a hold does not stop; all others are taken to reach the outside."""
    return sorted(_inward)


def may_act() -> bool:
    """Whether anything may leave the house; one short query.

    A database that is not the one of the known life begins a new, held one. Where no life is known yet (before
    the first start and the first backup) there is nothing to be held for.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STANDING)
        known = cursor.fetchone()
    if known is None:
        return True
    is_held, is_here = known
    return not is_held if is_here else not current_life().is_held


@transaction.atomic
def current_life() -> Incarnation:
    """The row of this life; the first one is simply noted, one after a restore begins held."""
    _lock()
    known = Incarnation.objects.filter(is_current=True).first()
    fingerprint, now = _here()
    if known is not None and known.fingerprint == fingerprint:
        return known
    if known is None:
        return Incarnation.objects.create(fingerprint=fingerprint, began_at=now)
    return _begin(fingerprint, now, reason="", restored_to=None)


@transaction.atomic
def begin_held(*, restored_to: Any, reason: str) -> Incarnation:
    """A new life begins, held; called by ``restore``, and by a person who brought the files back by other means."""
    _lock()
    fingerprint, now = _here()
    return _begin(fingerprint, now, reason=reason, restored_to=restored_to)


def _begin(fingerprint: str, now: Any, *, reason: str, restored_to: Any) -> Incarnation:
    Incarnation.objects.filter(is_current=True).update(is_current=False)
    return Incarnation.objects.create(
        fingerprint=fingerprint, is_restored=True, restored_to=restored_to, began_at=now, held_at=now, reason=reason
    )


def _lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _here() -> tuple[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_HERE}, clock_timestamp()")
        fingerprint, now = cursor.fetchone()
    return fingerprint, now
