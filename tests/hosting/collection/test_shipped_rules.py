"""The rules an installation begins with are made once and then belong to people."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from hosting.domain import fleet, shipped_rules
from hosting.domain.alert_rules import look_at, pass_rules
from hosting.domain.fleet import Spot
from hosting.domain.shipped_rules import SHIPPED, ShippedRule, seed_alert_rules
from hosting.enums import MinerAlertKind
from hosting.models import Miner, MinerAlertRule, MinerLatest, ShippedAlertRule, Zone

pytestmark = pytest.mark.django_db
Machines = Callable[..., list[Miner]]


def names() -> set[str]:
    return set(MinerAlertRule.objects.values_list("name", flat=True))


def test_they_are_made_once_and_pass_the_checks_of_a_form(now: datetime) -> None:
    assert seed_alert_rules(at=now) == len(SHIPPED) == len(MinerAlertKind)
    assert seed_alert_rules(at=now) == 0
    for rule in MinerAlertRule.objects.all():
        rule.full_clean()
    assert set(MinerAlertRule.objects.values_list("kind", flat=True)) == set(MinerAlertKind.values)


def test_what_people_delete_rename_or_change_stays_so(now: datetime) -> None:
    seed_alert_rules(at=now)
    MinerAlertRule.objects.get(kind="fan").delete()
    MinerAlertRule.objects.filter(kind="chip").update(name="Too hot", threshold=Decimal(70))
    before = names()
    assert seed_alert_rules(at=now + timedelta(days=1)) == 0
    assert names() == before
    assert MinerAlertRule.objects.get(kind="chip").threshold == 70


def test_an_installation_with_rules_of_its_own_is_left_alone_until_new_ones_are_shipped(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    MinerAlertRule.objects.create(name="Mine", kind="chip", threshold=Decimal(90))
    assert seed_alert_rules(at=now) == 0
    assert names() == {"Mine"}
    assert ShippedAlertRule.objects.count() == len(SHIPPED)
    later = (
        *SHIPPED,
        ShippedRule("inlet", "Later", MinerAlertKind.BOARD, Decimal(50), 5),
        ShippedRule("taken", "Mine", MinerAlertKind.BOARD, Decimal(50), 5),  # the name is somebody's
    )
    monkeypatch.setattr(shipped_rules, "SHIPPED", later)
    assert seed_alert_rules(at=now) == 1
    assert names() == {"Mine", "Later"}
    MinerAlertRule.objects.filter(name="Mine").delete()
    assert seed_alert_rules(at=now) == 0


def test_they_find_what_they_are_for(zone: Zone, machines: Machines, root: User, now: datetime) -> None:
    seed_alert_rules(at=now)
    well, slow, hot = fleet.place_miners(machines(3), spot=Spot(zone.site, zone), by=root, at=now)
    fleet.set_intent([well, slow, hot], to="active", by=root, at=now)

    def say(at: datetime) -> None:
        for miner, rate, chip in ((well, 195, 70), (slow, 150, 70), (hot, 195, 99)):
            MinerLatest.objects.update_or_create(
                miner=miner,
                defaults={
                    "recorded_at": at, "received_at": at, "state": 1, "hashrate_ths": rate, "chip_temp_c": chip,
                    "board_temp_c": 60, "fan_min_rpm": 4500,
                },
            )  # fmt: skip

    found = {}
    for minutes in (0, 5, 14, 15):
        at = now + timedelta(minutes=minutes)
        say(at)
        pass_rules(at=at)
        found[minutes] = {
            kind.value: [one.title for one in look_at(kind)(at)] for kind in MinerAlertKind if list(look_at(kind)(at))
        }
    assert found[0] == {}
    assert found[5] == found[14] == {"chip": [f"Hot chips: {hot}, {zone}"]}
    assert found[15] == {"chip": [f"Hot chips: {hot}, {zone}"], "hashrate": [f"Low hashrate: {slow}, {zone}"]}
    silent = list(look_at(MinerAlertKind.SILENT_ZONE)(now + timedelta(minutes=31)))
    assert [one.title for one in silent] == [f"Silent zone: {zone}"]
