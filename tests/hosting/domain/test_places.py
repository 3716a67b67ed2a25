"""Sites and zones: capacity, archiving, and what the database refuses whoever asks."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from hashinsight.common.transitions import MoveRefused
from hosting.domain import fleet, places
from hosting.domain.fleet import MinersRefused, Spot
from hosting.domain.places import NoCapacity, PlaceRefused
from hosting.enums import PlaceStatus
from hosting.models import Miner, MinerPlacement, Rack, Site, Zone

Machines = Callable[..., list[Miner]]


def test_a_zone_takes_machines_up_to_its_highest_use_and_says_by_how_many_kw_more_is_too_much(
    zone: Zone, machines: Machines, root: User, now: datetime
) -> None:
    """80 % of 100 kW hold 22 machines of 3.5 kW (77 kW); the 23rd is 0.5 kW too much."""
    spot = Spot(zone.site, zone)
    fleet.place_miners(machines(22), spot=spot, by=root, at=now)
    with pytest.raises(NoCapacity, match=r"0\.5 kW too much") as refusal:
        fleet.place_miners(machines(1, first=100), spot=spot, by=root, at=now)
    assert Decimal(refusal.value.params["over_kw"]) == Decimal("0.5")
    assert places.load_of(zone).machines == 22
    assert MinerPlacement.objects.count() == 22


def test_machines_that_stand_there_already_are_not_counted_twice(
    zone: Zone, rack: Rack, machines: Machines, root: User, now: datetime
) -> None:
    made = machines(22)
    fleet.place_miners(made, spot=Spot(zone.site, zone), by=root, at=now)
    fleet.place_miners(made[:1], spot=Spot(zone.site, zone, rack, {made[0].pk: 1}), by=root, at=now)
    assert places.load_of(zone).placed_kw == Decimal("77")


def test_a_machine_that_draws_more_is_checked_against_its_place(
    zone: Zone, machines: Machines, root: User, now: datetime
) -> None:
    made = machines(22)
    fleet.place_miners(made, spot=Spot(zone.site, zone), by=root, at=now)
    with pytest.raises(NoCapacity):
        fleet.change_miner(made[0], changes={"power_limit_w": 7000}, by=root, at=now)
    assert fleet.change_miner(made[0], changes={"power_limit_w": 6500}, by=root, at=now).nameplate_w == 6500


def test_unknown_power_is_not_placed_as_if_it_were_none(zone: Zone, root: User, now: datetime) -> None:
    (strange,) = fleet.register_miners([Miner(serial="X1", manufacturer="Nobody", model_text="Box 9")], by=root, at=now)
    assert strange.nameplate_w is None
    with pytest.raises(MinersRefused, match="unknown"):
        fleet.place_miners([strange], spot=Spot(zone.site, zone), by=root, at=now)


def test_archiving_is_refused_while_machines_stand_there_and_they_are_counted(
    zone: Zone, machines: Machines, root: User, now: datetime
) -> None:
    made = machines(2)
    fleet.place_miners(made, spot=Spot(zone.site, zone), by=root, at=now)
    for place in (zone, zone.site):
        with pytest.raises(PlaceRefused, match="2 machines"):
            places.archive(place, by=root, reason="rebuilt")
    fleet.take_out_miners(made, by=root, at=now, reason="rebuilt")
    assert places.archive(zone, by=root, reason="rebuilt").status == PlaceStatus.INACTIVE
    with pytest.raises(PlaceRefused, match="archived"):
        fleet.place_miners(made, spot=Spot(zone.site, zone), by=root, at=now)
    with pytest.raises(MoveRefused):
        places.archive(zone, by=root, reason="again")
    assert places.take_into_use(zone, by=root, reason="ready").status == PlaceStatus.ACTIVE


def test_a_zone_of_another_site_is_refused_by_domain_and_database(
    zone: Zone, machines: Machines, root: User, now: datetime
) -> None:
    elsewhere: Site = places.create_site(name="Reykjavik", capacity_kw=Decimal(1000), time_zone="UTC", at=now)
    (miner,) = machines(1)
    with pytest.raises(PlaceRefused, match="no zone of"):
        fleet.place_miners([miner], spot=Spot(elsewhere, zone), by=root, at=now)
    with pytest.raises(IntegrityError, match="hosting_miner_zone_of_site"), transaction.atomic():
        Miner.objects.filter(pk=miner.pk).update(site=elsewhere, zone=zone)
    with pytest.raises(IntegrityError, match="hosting_placement_zone_of_site"), transaction.atomic():
        MinerPlacement.objects.create(miner=miner, site=elsewhere, zone=zone, valid_from=now)


def test_two_placements_at_once_do_not_fill_a_zone_twice(
    zone: Zone, machines: Machines, root: User, now: datetime
) -> None:
    """The zone is locked before its load is read; the statement that reads it comes after the lock."""
    made = machines(1)
    recorder = _Recorder()
    with connection.execute_wrapper(recorder):
        fleet.place_miners(made, spot=Spot(zone.site, zone), by=root, at=now)
    lock = recorder.first('FROM "hosting_zone"', "FOR UPDATE")
    load = recorder.first("SUM(", "hosting_miner")
    assert lock < load


class _Recorder:
    def __init__(self) -> None:
        self.statements: list[str] = []

    def __call__(self, execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        self.statements.append(sql)
        return execute(sql, params, many, context)

    def first(self, *parts: str) -> int:
        return next(n for n, sql in enumerate(self.statements) if all(part in sql for part in parts))
