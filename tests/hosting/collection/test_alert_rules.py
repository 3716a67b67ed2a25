"""Rules over machines: what is told, for whom, and when it is over."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from hashinsight.notify.domain.watching import watch
from hashinsight.notify.models import Alert
from hosting.domain import fleet
from hosting.domain.alert_rules import look_at, pass_rules
from hosting.domain.fleet import Spot
from hosting.enums import MinerAlertKind, MinerIntent, TelemetryState
from hosting.models import Miner, MinerAlertRule, MinerBreach, MinerLatest, Site, TelemetryFiveMinutes, Zone
from tests.hosting.series.history import ensure_partitions
from tests.support.standing import standing

Machines = Callable[..., list[Miner]]
MINUTE = timedelta(minutes=1)
CHIP = MinerAlertKind.CHIP


@pytest.fixture
@standing
def running(machines: Machines, site: Site, zone: Zone, root: User, now: datetime) -> Machines:
    """Active machines in the zone."""

    def make(count: int) -> list[Miner]:
        made = machines(count)
        fleet.place_miners(made, spot=Spot(site, zone), by=root, at=now)
        fleet.set_intent(made, to=MinerIntent.ACTIVE, by=root, at=now)
        return made

    return make


def rule(kind: str = "chip", threshold: float = 90, **fields: Any) -> MinerAlertRule:
    values = {"name": f"Rule {MinerAlertRule.objects.count()}", "minutes": 10, "summary_above": 2, **fields}
    return MinerAlertRule.objects.create(kind=kind, threshold=Decimal(str(threshold)), **values)


def say(miners: list[Miner], at: datetime, **figures: Any) -> None:
    for miner in miners:
        values = {"state": TelemetryState.MINING, "hashrate_ths": 200.0, "chip_temp_c": 60.0, **figures}
        row = {"recorded_at": at, "received_at": at, "answered_at": at, **values}
        MinerLatest.objects.update_or_create(miner_id=miner.pk, defaults=row)


def alerts() -> list[tuple[str, str, int]]:
    rows = Alert.objects.filter(kind="miner.hot_chip").order_by("pk")
    return [(row.state, row.severity, row.count) for row in rows]


def look(at: datetime) -> None:
    pass_rules(at=at)
    watch("miner.hot_chip", look_at(CHIP), at=at)


def test_an_alert_comes_once_it_has_held_and_ends_by_itself(running: Machines, now: datetime) -> None:
    miners = running(2)
    rule(severity="error")
    hot, cool = miners[:1], miners[1:]
    for minutes, chip, expected in (
        (0, 95.0, []),
        (9, 95.0, []),
        (10, 95.0, [("open", "error", 1)]),
        (11, 95.0, [("open", "error", 2)]),
        (12, 88.0, [("open", "error", 3)]),  # not yet beyond the margin
        (13, 80.0, [("ended", "error", 3)]),
    ):
        at = now + minutes * MINUTE
        say(hot, at, chip_temp_c=chip)
        say(cool, at)
        look(at)
        assert alerts() == expected, minutes
    assert str(hot[0]) in Alert.objects.get().title


def test_many_machines_of_a_zone_are_one_alert(running: Machines, zone: Zone, now: datetime) -> None:
    miners = running(3)
    rule(minutes=1)
    say(miners[:2], now, chip_temp_c=99.0)
    pass_rules(at=now)
    assert len(list(look_at(CHIP)(now + MINUTE))) == 2
    say(miners, now, chip_temp_c=99.0)
    pass_rules(at=now)
    (finding,) = look_at(CHIP)(now + MINUTE)
    assert (str(zone) in finding.title, "3" in finding.title) == (True, True)


def test_whom_a_rule_concerns(running: Machines, site: Site, zone: Zone, root: User, now: datetime) -> None:
    one, paused, silent, late, cool = running(5)
    fleet.set_intent([paused], to=MinerIntent.PAUSED, by=root, at=now)
    say([one, paused], now, chip_temp_c=99.0)
    say([silent], now, chip_temp_c=99.0, state=TelemetryState.UNREACHABLE)
    say([late], now - timedelta(hours=1), chip_temp_c=99.0)
    say([cool], now)
    everywhere, here, off = rule(), rule(zone=zone, site=site, model=one.model), rule(is_active=False)
    assert pass_rules(at=now) == 2
    assert set(MinerBreach.objects.values_list("rule", "miner")) == {(everywhere.pk, one.pk), (here.pk, one.pk)}
    assert pass_rules(at=now + MINUTE) == 2
    assert set(MinerBreach.objects.values_list("since", flat=True)) == {now}
    MinerAlertRule.objects.update(is_active=False)
    assert (pass_rules(at=now), MinerBreach.objects.count(), off.breaches.count()) == (0, 0, 0)


def test_restarts_and_rejects_are_those_of_the_last_hour(running: Machines, now: datetime) -> None:
    one, other = running(2)
    say([one, other], now)
    ensure_partitions(now.date(), now.date())
    for minutes, restarts in ((5, 2), (30, 2), (70, 5)):
        TelemetryFiveMinutes.objects.create(
            miner_id=one.pk, bucket_start=now - minutes * MINUTE, expected_samples=5, samples=5, online_samples=5,
            hashrate_samples=5, power_samples=5, restarts=restarts, shares_accepted=90, shares_rejected=10,
        )  # fmt: skip
    three, four = rule("restarts", 3), rule("restarts", 4)
    rejects = rule("rejects", 9.5)
    pass_rules(at=now)
    found = set(MinerBreach.objects.values_list("rule", "miner", "value"))
    assert found == {(three.pk, one.pk, 4.0), (rejects.pk, one.pk, 10.0)}
    assert not four.breaches.exists()


def test_a_hashrate_is_a_share_of_what_is_expected(running: Machines, root: User, now: datetime) -> None:
    full, limited = running(2)
    fleet.change_miner(limited, changes={"power_limit_w": 1750}, by=root, at=now)
    say([full, limited], now, hashrate_ths=100.0)
    rule("hashrate", 80)
    pass_rules(at=now)
    assert list(MinerBreach.objects.values_list("miner", "value")) == [(full.pk, 50.0)]


def test_a_silent_zone_is_told_of(running: Machines, zone: Zone, now: datetime) -> None:
    miners = running(2)
    rule("silent_zone", 0, minutes=15)
    find = look_at(MinerAlertKind.SILENT_ZONE)
    assert list(find(now)) == []  # never heard of: nothing was said to be there
    say(miners[:1], now - 60 * MINUTE)
    say(miners[1:], now)
    assert list(find(now + 15 * MINUTE)) == []
    assert [str(zone) in one.title for one in find(now + 16 * MINUTE)] == [True]
