"""Machines: present and past stand twice and agree, and the histories cannot overlap."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import User
from crm.domain import customers
from crm.models import Customer
from hashinsight.events.models import OutboxEvent
from hosting.domain import fleet, histories
from hosting.domain.finding import find_miners
from hosting.domain.fleet import MinersRefused, Spot, quarter_hour
from hosting.domain.places import PlaceRefused
from hosting.enums import INTENT_MOVES, MinerHealth, MinerIntent, MinerStatus
from hosting.models import Miner, MinerModel, MinerOperation, MinerOwnership, MinerPlacement, Rack, Zone
from hosting.models.miner import with_status

Machines = Callable[..., list[Miner]]
QUARTER = timedelta(minutes=15)


def test_moving_closes_the_old_placement_and_begins_the_new_one_at_the_same_moment(
    zone: Zone, rack: Rack, machines: Machines, root: User, now: datetime
) -> None:
    (miner,) = machines(1)
    later = now + timedelta(days=3)
    fleet.place_miners([miner], spot=Spot(zone.site), by=root, at=now)
    fleet.place_miners([miner], spot=Spot(zone.site, zone, rack, {miner.pk: 4}), by=root, at=later)
    rows = list(MinerPlacement.objects.order_by("valid_from").values_list("zone", "slot", "valid_from", "valid_to"))
    assert rows == [(None, None, now, later), (zone.pk, 4, later, None)]
    assert (miner.reload().zone, miner.slot, miner.deployed_at) == (zone, 4, now)
    assert histories.histories_that_differ() == []


def test_control_a_machine_moved_behind_the_domains_back_is_noticed(
    zone: Zone, machines: Machines, root: User, now: datetime, customer_a: Customer
) -> None:
    made = machines(3)
    fleet.place_miners(made, spot=Spot(zone.site, zone), by=root, at=now)
    Miner.objects.filter(pk=made[0].pk).update(zone=None)
    Miner.objects.filter(pk=made[1].pk).update(customer=customer_a)
    assert histories.histories_that_differ() == made[:2]


def test_placed_twice_in_one_moment_the_second_place_counts(
    zone: Zone, machines: Machines, root: User, now: datetime
) -> None:
    made = machines(1)
    fleet.place_miners(made, spot=Spot(zone.site), by=root, at=now)
    fleet.place_miners(made, spot=Spot(zone.site, zone), by=root, at=now)
    assert MinerPlacement.objects.get().zone == zone


@pytest.mark.parametrize(
    ("slots", "words"), [({0: 7}, "slots 1 to 6"), ({0: 0}, "slots 1 to 6"), ({0: 1, 1: 1}, "one slot")]
)
def test_slots_that_are_none_are_refused(
    slots: dict[int, int], words: str, zone: Zone, rack: Rack, machines: Machines, root: User, now: datetime
) -> None:
    made = machines(2)
    spot = Spot(zone.site, zone, rack, {made[place].pk: slot for place, slot in slots.items()})
    with pytest.raises(PlaceRefused, match=words):
        fleet.place_miners(made, spot=spot, by=root, at=now)
    assert not MinerPlacement.objects.exists()


def test_a_taken_slot_names_who_stands_there_and_two_machines_may_change_places(
    zone: Zone, rack: Rack, machines: Machines, root: User, now: datetime
) -> None:
    one, two, three = machines(3)
    fleet.place_miners([one, two], spot=Spot(zone.site, zone, rack, {one.pk: 1, two.pk: 2}), by=root, at=now)
    with pytest.raises(PlaceRefused, match=one.serial):
        fleet.place_miners([three], spot=Spot(zone.site, zone, rack, {three.pk: 1}), by=root, at=now)
    later = now + QUARTER
    fleet.place_miners([one, two], spot=Spot(zone.site, zone, rack, {one.pk: 2, two.pk: 1}), by=root, at=later)
    assert (one.reload().slot, two.reload().slot) == (2, 1)


def test_ownership_changes_at_quarter_hours_and_not_in_the_future(
    machines: Machines, customer_a: Customer, root: User, now: datetime
) -> None:
    made = machines(1)
    for since in (now + timedelta(minutes=1), quarter_hour(now) + QUARTER):
        with pytest.raises(MinersRefused):
            fleet.assign_miners(made, customer=customer_a, since=since, by=root, at=now)
    for since in (now.replace(minute=31), now.replace(microsecond=1)):
        with pytest.raises(IntegrityError, match="quarter_hours"), transaction.atomic():
            MinerOwnership.objects.create(miner=made[0], customer=customer_a, valid_from=since)


def test_a_back_dated_owner_takes_the_place_of_whoever_came_after(
    machines: Machines, customer_a: Customer, customer_b: Customer, root: User, now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    told: list[Any] = []
    monkeypatch.setattr(fleet, "follow_owners", lambda ids, since: told.append((list(ids), since)))
    (miner,) = machines(1)
    day = quarter_hour(now) - timedelta(days=10)
    fleet.assign_miners([miner], customer=customer_a, since=day, by=root, at=now)
    fleet.assign_miners([miner], customer=None, since=day + timedelta(days=6), by=root, at=now)
    fleet.assign_miners([miner], customer=customer_b, since=day + timedelta(days=2), by=root, at=now)
    rows = list(MinerOwnership.objects.order_by("valid_from").values_list("customer", "valid_from", "valid_to"))
    assert rows == [
        (customer_a.pk, day, day + timedelta(days=2)),
        (customer_b.pk, day + timedelta(days=2), None),
    ]
    assert miner.reload().customer == customer_b
    assert told[-1] == ([miner.pk], day + timedelta(days=2))
    assert histories.histories_that_differ() == []


def test_an_ownership_that_began_later_gives_way_whole(
    machines: Machines, customer_a: Customer, customer_b: Customer, root: User, now: datetime
) -> None:
    (miner,) = machines(1)
    day = quarter_hour(now) - timedelta(days=10)
    fleet.assign_miners([miner], customer=customer_a, since=day, by=root, at=now)
    fleet.assign_miners([miner], customer=customer_b, since=day + timedelta(days=6), by=root, at=now)
    fleet.assign_miners([miner], customer=customer_a, since=day + timedelta(days=2), by=root, at=now)
    rows = list(MinerOwnership.objects.order_by("valid_from").values_list("customer", "valid_from", "valid_to"))
    assert rows == [
        (customer_a.pk, day, day + timedelta(days=2)),
        (customer_a.pk, day + timedelta(days=2), None),
    ]
    assert histories.histories_that_differ() == []


def test_an_inactive_customer_gets_no_machine(
    machines: Machines, customer_a: Customer, root: User, now: datetime
) -> None:
    customers.change_status(customer_a, to="inactive", by=root, reason="left")
    with pytest.raises(MinersRefused, match="inactive"):
        fleet.assign_miners(machines(1), customer=customer_a, since=quarter_hour(now), by=root, at=now)


@pytest.mark.parametrize("state", list(MinerIntent))
@pytest.mark.parametrize("to", [one for one in MinerIntent if one != MinerIntent.RETIRED])
def test_intents_move_along_their_arrows_only(
    state: MinerIntent, to: MinerIntent, machines: Machines, root: User, now: datetime
) -> None:
    (miner,) = machines(1)
    retired = {"retired_at": now} if state == MinerIntent.RETIRED else {}
    Miner.objects.filter(pk=miner.pk).update(intent=state, **retired)
    if to in INTENT_MOVES[state]:
        assert fleet.set_intent([miner], to=to, by=root, at=now)[0].reload().intent == to
    else:
        with pytest.raises(MinersRefused, match="cannot become"):
            fleet.set_intent([miner], to=to, by=root, at=now)
        assert miner.reload().intent == state


def test_one_that_cannot_move_holds_back_all(machines: Machines, root: User, now: datetime) -> None:
    made = machines(3)
    fleet.retire_miners(made[:1], by=root, at=now, reason="burnt")
    with pytest.raises(MinersRefused):
        fleet.set_intent(made, to=MinerIntent.ACTIVE, by=root, at=now)
    assert set(Miner.objects.values_list("intent", flat=True)) == {"paused", "retired"}


def test_retiring_leaves_the_place_and_keeps_the_owner(
    zone: Zone, machines: Machines, customer_a: Customer, root: User, now: datetime
) -> None:
    made = machines(1)
    fleet.place_miners(made, spot=Spot(zone.site, zone), by=root, at=now)
    fleet.assign_miners(made, customer=customer_a, since=quarter_hour(now), by=root, at=now)
    (gone,) = fleet.retire_miners(made, by=root, at=now + QUARTER, reason="burnt")
    gone.reload()
    assert (gone.intent, gone.site, gone.customer) == (MinerIntent.RETIRED, None, customer_a)
    assert MinerPlacement.objects.get().valid_to == now + QUARTER
    assert gone.status == MinerStatus.RETIRED


def test_each_verb_leaves_a_line_in_the_log_and_one_event_per_machine(
    zone: Zone, machines: Machines, root: User, now: datetime
) -> None:
    made = machines(2)
    fleet.place_miners(made, spot=Spot(zone.site, zone), by=root, at=now, reason="first load")
    fleet.set_intent(made, to=MinerIntent.ACTIVE, by=root, at=now)
    kinds = list(OutboxEvent.objects.filter(aggregate_type="miner").values_list("kind", flat=True))
    assert sorted(kinds) == sorted(["miner.registered", "miner.deployed", "miner.intent_changed"] * 2)
    log = set(MinerOperation.objects.values_list("operation", "performed_by"))
    assert log == {("register", root.pk), ("place", root.pk), ("intent", root.pk)}
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        MinerOperation.objects.update(details="nothing happened")


def test_the_log_and_events_take_few_statements(
    zone: Zone, machines: Machines, root: User, now: datetime, django_assert_max_num_queries: Any
) -> None:
    for count, first in ((1, 1), (20, 50)):
        made = machines(count, first=first)
        with django_assert_max_num_queries(24):
            fleet.place_miners(made, spot=Spot(zone.site, zone), by=root, at=now)


@pytest.mark.parametrize("health", list(MinerHealth))
@pytest.mark.parametrize("intent", list(MinerIntent))
def test_the_one_word_is_the_same_in_python_and_in_the_database(
    intent: MinerIntent, health: MinerHealth, machines: Machines, now: datetime
) -> None:
    (miner,) = machines(1)
    Miner.objects.filter(pk=miner.pk).update(intent=intent, health=health, retired_at=now)
    row = Miner.objects.get()
    assert [status for status in MinerStatus if Miner.objects.filter(with_status(status))] == [row.status]


def test_serials_are_unique_per_maker(model: MinerModel, machines: Machines, now: datetime, root: User) -> None:
    machines(1)
    twin = Miner(serial="sn00001", model=model, manufacturer="bitmain")
    with pytest.raises(ValidationError, match="serial number"):
        twin.full_clean()
    other = Miner(serial="SN00001", manufacturer="MicroBT", model_text="M60")
    other.full_clean()
    fleet.register_miners([other], by=root, at=now)
    assert Miner.objects.count() == 2


def test_a_pasted_list_finds_serials_addresses_and_macs_once_each(
    zone: Zone, machines: Machines, root: User, now: datetime
) -> None:
    one, two, three, _four = machines(4)
    fleet.change_miner(two, changes={"address": "10.0.0.7"}, by=root, at=now)
    fleet.change_miner(three, changes={"mac": "00:1A:2B:3C:4D:5E"}, by=root, at=now)
    text = "sn00001, 10.0.0.7;001a.2b3c.4d5e\n00-1A-2B-3C-4D-5E\tSN00001 SN99999 \n ' OR 1=1"
    found = find_miners(text, rows=Miner.objects.all())
    assert found.miners == [one, two, three]
    assert found.unknown == ["SN99999", "'", "OR", "1=1"]
    assert find_miners(" ".join(map(str, range(20_001))), rows=Miner.objects.all()).too_many


def test_a_quarter_hour_begins_on_the_grid() -> None:
    moment = datetime(2026, 11, 29, 3, 44, 59, 999999, tzinfo=UTC)
    assert quarter_hour(moment) == datetime(2026, 11, 29, 3, 30, tzinfo=UTC)
