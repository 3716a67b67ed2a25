"""The health of all machines, looked at together: changes are written, and told of with one event each.

One pass is one transaction, and one pass runs at a time. It reads the newest readings and what waits from the pass
before, so a pass that died leaves nothing behind and one more changes nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from hashinsight.events.domain import Fact, publish_many
from hosting.engine.health import Health, Seen, Standing, expected_hashrate, step
from hosting.enums import MinerHealth, MinerIntent
from hosting.models import Miner, PendingHealth

LOCK = 4_731_003  # advisory, of the transaction
SEEN_EVERY = timedelta(minutes=10)  # how far "last seen" may lie behind
EVENTS = {Health.OFFLINE: "miner.offline", Health.LOST: "miner.lost", Health.DEGRADED: "miner.degraded"}
RECOVERED, OTHER = "miner.recovered", "miner.health_changed"
_ILL = frozenset({Health.OFFLINE, Health.LOST, Health.DEGRADED})

_COLUMNS = (
    "pk", "health", "intent", "zone_id", "site_id", "site__collection_interval_s", "model__hashrate_ths",
    "model__power_w", "power_limit_w", "latest__recorded_at", "latest__answered_at", "latest__state",
    "latest__hashrate_ths",
)  # fmt: skip
_CHANGE = """
    UPDATE hosting_miner miner SET health = fresh.after, health_since = %s
    FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS fresh (id, before, after)
    WHERE miner.id = fresh.id AND miner.health = fresh.before
    RETURNING miner.id, miner.public_id, miner.serial, miner.customer_id, fresh.before, fresh.after, miner.intent,
        (SELECT public_id FROM hosting_site WHERE hosting_site.id = miner.site_id)
"""
_SEEN = """
    UPDATE hosting_miner miner SET last_seen_at = latest.answered_at
    FROM hosting_minerlatest latest
    WHERE latest.miner_id = miner.id
      AND latest.answered_at > coalesce(miner.last_seen_at + make_interval(secs => %s), '-infinity'::timestamptz)
"""


@dataclass(frozen=True, slots=True)
class Passed:
    """What a pass came to: machines looked at, changes written, changes that wait, moments of "last seen" moved."""

    machines: int = 0
    changed: int = 0
    waiting: int = 0
    seen: int = 0


@dataclass(frozen=True, slots=True)
class Looked:
    """One machine as a pass sees it."""

    pk: int
    health: Health
    seen: Seen


@transaction.atomic
def pass_health(*, at: datetime) -> Passed | None:
    """Look at all machines at a moment; None when another pass is at work."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return None
    looked = list(look_at_machines(at))
    pending = {row.miner_id: row for row in PendingHealth.objects.all()}
    changes: list[tuple[int, Health, Health]] = []
    waiting: dict[int, Health] = {}
    for one in looked:
        row = pending.get(one.pk)
        held = (at - row.since).total_seconds() if row else 0.0
        after = step(Standing(one.health, Health(row.health) if row else None, held), one.seen)
        if after.health is not one.health:
            changes.append((one.pk, one.health, after.health))
        elif after.next is not None:
            waiting[one.pk] = after.next
    _keep_waiting(pending, waiting, at)
    changed = _change(changes, at)
    with connection.cursor() as cursor:
        cursor.execute(_SEEN, [SEEN_EVERY.total_seconds()])
        seen = cursor.rowcount
    return Passed(len(looked), changed, len(waiting), seen)


def look_at_machines(at: datetime) -> Iterator[Looked]:
    """All machines in a place, and those whose health is a memory of one."""
    rows = list(
        Miner.objects.filter(Q(site__isnull=False) | ~Q(health=MinerHealth.UNKNOWN))
        .order_by("pk")
        .values_list(*_COLUMNS)
    )
    heard_at = _heard_around(rows)
    for row in rows:
        (pk, health, intent, zone, site, interval, rated, rated_w, limit_w, heard, answered, state, hashrate) = row
        if site is None:
            yield Looked(pk, Health(health), Seen(active=False, interval_s=0.0))
            continue
        yield Looked(
            pk,
            Health(health),
            Seen(
                active=intent == MinerIntent.ACTIVE,
                interval_s=float(interval),
                heard_s=_since(heard, at),
                answered_s=_since(answered, at),
                around_s=_since(heard_at.get((site, zone)), at),
                state=state,
                hashrate_ths=hashrate,
                expected_ths=expected_hashrate(_number(rated), _number(rated_w), _number(limit_w)),
            ),
        )


def _heard_around(rows: Iterable[Any]) -> dict[tuple[int, int | None], datetime]:
    """When anything was heard from each zone."""
    found: dict[tuple[int, int | None], datetime] = {}
    for row in rows:
        place, heard = (row[4], row[3]), row[9]
        if heard is not None and (place not in found or heard > found[place]):
            found[place] = heard
    return found


def _since(moment: datetime | None, at: datetime) -> float | None:
    return None if moment is None else max(0.0, (at - moment).total_seconds())


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _keep_waiting(before: dict[int, PendingHealth], after: dict[int, Health], at: datetime) -> None:
    """What waits keeps the moment it began; what is over goes."""
    same = {pk for pk, row in before.items() if after.get(pk) == row.health}
    PendingHealth.objects.filter(pk__in=[pk for pk in before if pk not in same]).delete()
    PendingHealth.objects.bulk_create(
        [PendingHealth(miner_id=pk, health=health, since=at) for pk, health in after.items() if pk not in same],
        batch_size=2000,
    )


def _change(changes: list[tuple[int, Health, Health]], at: datetime) -> int:
    """Write changes where the machine still is as it was looked at; locked in the order of the machines."""
    if not changes:
        return 0
    ids = [pk for pk, _before, _after in changes]
    list(Miner.objects.filter(pk__in=ids).order_by("pk").select_for_update().values_list("pk", flat=True))
    with connection.cursor() as cursor:
        before_all, after_all = [str(before) for _pk, before, _after in changes], [str(one[2]) for one in changes]
        cursor.execute(_CHANGE, (at, ids, before_all, after_all))
        written = sorted(cursor.fetchall())
    facts: dict[str, list[Fact]] = {}
    for _pk, public_id, serial, customer_id, before, after, intent, site_id in written:
        payload = {
            "miner_id": str(public_id), "serial": serial, "intent": intent, "before": before, "health": after,
            "site_id": str(site_id) if site_id else None,
        }  # fmt: skip
        kind = event_of(Health(before), Health(after))
        facts.setdefault(kind, []).append(Fact(public_id, payload, customer_id=customer_id))
    for kind, told in sorted(facts.items()):
        publish_many(kind, aggregate_type="miner", facts=told)
    return len(written)


def event_of(before: Health, after: Health) -> str:
    """The kind of event that tells of a change."""
    if after is Health.OK and before in _ILL:
        return RECOVERED
    return EVENTS.get(after, OTHER)
