"""The pass over all machines: what changes is written once and told once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from hashinsight.events.models import OutboxEvent
from hosting.domain import fleet, health
from hosting.domain.fleet import Spot
from hosting.domain.health import Passed, pass_health
from hosting.enums import MinerIntent, TelemetryState
from hosting.models import Miner, MinerLatest, PendingHealth, Site, Zone
from tests.support.standing import standing

Machines = Callable[..., list[Miner]]
MINUTE = timedelta(minutes=1)


@pytest.fixture
@standing
def running(machines: Machines, site: Site, zone: Zone, root: User, now: datetime) -> Machines:
    """Active machines that answered just now."""

    def make(count: int) -> list[Miner]:
        made = machines(count)
        fleet.place_miners(made, spot=Spot(site, zone), by=root, at=now)
        fleet.set_intent(made, to=MinerIntent.ACTIVE, by=root, at=now)
        for miner in made:
            say(miner, now)
        OutboxEvent.objects.all().delete()
        return made

    return make


def say(miner: Miner, at: datetime, *, answered_at: datetime | None = None, **figures: Any) -> None:
    values = {"hashrate_ths": 200.0, "state": TelemetryState.MINING, **figures}
    row = {"recorded_at": at, "received_at": at, "answered_at": answered_at or at, **values}
    MinerLatest.objects.update_or_create(miner_id=miner.pk, defaults=row)


def told() -> list[tuple[str, str, str]]:
    events = OutboxEvent.objects.order_by("pk").values_list("kind", "payload__before", "payload__health")
    return [(kind, before, after) for kind, before, after in events]


def test_a_machine_falls_silent_and_returns(running: Machines, now: datetime) -> None:
    one, other = running(2)
    assert pass_health(at=now) == Passed(machines=2, changed=2, seen=2)
    OutboxEvent.objects.all().delete()
    later = now + 15 * MINUTE
    say(one, later, answered_at=now, state=TelemetryState.UNREACHABLE, hashrate_ths=None)
    say(other, later)
    assert pass_health(at=later) == Passed(machines=2, changed=1, seen=1)
    one.refresh_from_db()
    assert (one.health, one.health_since, one.last_seen_at) == ("offline", later, now)
    assert pass_health(at=later) == Passed(machines=2)  # once more: nothing
    # One answer is no return; the next one is.
    say(one, later + MINUTE)
    assert pass_health(at=later + MINUTE) == Passed(machines=2, waiting=1, seen=1)
    assert pass_health(at=later + 7 * MINUTE) == Passed(machines=2, changed=1)
    assert told() == [("miner.offline", "ok", "offline"), ("miner.recovered", "offline", "ok")]
    assert not PendingHealth.objects.exists()


def test_what_waits_keeps_its_beginning_and_goes_when_it_is_over(running: Machines, now: datetime) -> None:
    (one,) = running(1)
    pass_health(at=now)
    for minutes, hashrate in ((1, 100.0), (4, 100.0), (7, 200.0), (8, 100.0)):
        say(one, now + minutes * MINUTE, hashrate_ths=hashrate)
        pass_health(at=now + minutes * MINUTE)
        since = PendingHealth.objects.values_list("since", flat=True).first()
        assert since == {1: now + MINUTE, 4: now + MINUTE, 7: None, 8: now + 8 * MINUTE}[minutes]
    say(one, now + 18 * MINUTE, hashrate_ths=100.0)
    pass_health(at=now + 18 * MINUTE)
    one.refresh_from_db()
    assert one.health == "degraded"


def test_curtailed_silence_is_expected(running: Machines, root: User, now: datetime) -> None:
    (one,) = running(1)
    pass_health(at=now)
    fleet.set_intent([one], to=MinerIntent.CURTAILED, by=root, at=now)
    later = now + 60 * MINUTE
    say(one, later, answered_at=now, state=TelemetryState.UNREACHABLE, hashrate_ths=None)
    pass_health(at=later)
    one.refresh_from_db()
    assert (one.health, [kind for kind, *_rest in told()].count("miner.offline")) == ("unknown", 0)


def test_a_machine_changed_in_the_meantime_is_left_alone(
    running: Machines, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = running(1)
    look = list(health.look_at_machines(now))
    Miner.objects.filter(pk=one.pk).update(health="lost")
    monkeypatch.setattr(health, "look_at_machines", lambda at: look)
    passed = pass_health(at=now)
    assert passed is not None
    assert (passed.changed, told()) == (0, [])


def test_many_machines_take_as_few_statements_as_one(running: Machines, now: datetime) -> None:
    counts = []
    for number in (1, 5):
        Miner.objects.update(health="unknown")
        if number > 1:
            for miner in Miner.objects.all():
                say(miner, now)
        else:
            running(6)
            MinerLatest.objects.exclude(miner=Miner.objects.first()).delete()
        with CaptureQueriesContext(connection) as queries:
            pass_health(at=now)
        counts.append(len(queries))
    assert counts[0] == counts[1]
