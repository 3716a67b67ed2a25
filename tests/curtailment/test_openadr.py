"""An OpenADR 3 server calls, changes, cancels and is silent: what becomes of it here, over real HTTP."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from curtailment import tasks
from curtailment.clients import dispatch_simulator
from curtailment.domain.dispatch import dispatch_watch, openadr
from curtailment.domain.dispatch.openadr import Polled
from curtailment.enums import DispatchState
from curtailment.models import Dispatch, DispatchMessage, Programme, VtnConnection, VtnResource
from tests.curtailment.programme import all_read, step
from tests.curtailment.site import Ground
from tests.curtailment.vtn import BOTH, ask, body

pytestmark = pytest.mark.django_db


@BOTH
def test_an_event_switches_machines_off_and_on_again(
    server: dispatch_simulator.Vtn, link: VtnConnection, ground: Ground
) -> None:
    server.put_event(body(ground, 2))
    assert ask(link, ground) == Polled(events=1, messages=1)
    row = Dispatch.objects.get()
    assert (row.source, row.reference, row.connection, row.state) == ("openadr", row.event_id, link, "accepted")
    assert (row.goal, row.kw, row.ends_at) == ("by", Decimal(14), ground.now + timedelta(minutes=32))
    assert ask(link, ground) == Polled(events=1), "nothing is told twice"
    step(ground, 5)
    assert ground.farm.off == 4
    step(ground, 30)
    assert ground.farm.off == 0
    assert (link.failures, link.error, link.heard_at, link.events_seen) == (0, "", link.polled_at, 1)


@BOTH
def test_we_are_registered_once(server: dispatch_simulator.Vtn, link: VtnConnection, ground: Ground) -> None:
    for _ in range(2):
        ask(link, ground)
    assert [one["venName"] for one in server.told("vens")] == ["hashinsight"]
    assert [one["resourceName"] for one in server.told("resources")] == ["west"]
    assert link.ven_id == server.told("vens")[0]["id"]
    assert link.resources.get().resource_id == server.told("resources")[0]["id"]
    assert link.access_token.startswith("s1."), "kept sealed"
    assert sum(one.path == "/auth/token" for one in server.asked) == 1


@pytest.mark.parametrize(
    ("payload", "goal", "kw"),
    [
        ({"type": "SIMPLE", "values": [1]}, "by", "4.62"),
        ({"type": "IMPORT_CAPACITY_LIMIT", "values": [56]}, "to", "56"),
        ({"type": "DISPATCH_SETPOINT_RELATIVE", "values": [-7]}, "by", "7"),
    ],
)
def test_what_is_asked_for_in_kilowatts(
    server: dispatch_simulator.Vtn, link: VtnConnection, ground: Ground, payload: Any, goal: str, kw: str
) -> None:
    all_read(ground)
    server.put_event(body(ground, payload=payload))
    ask(link, ground)
    row = Dispatch.objects.get()
    assert (row.goal, row.kw) == (goal, Decimal(kw))
    step(ground, 2)
    assert ground.farm.off == {"4.62": 2, "56": 4, "7": 2}[kw]


@pytest.mark.parametrize(("level", "count"), [(0, 0), (3, 1)])
def test_normal_operation_asks_for_nothing(
    server: dispatch_simulator.Vtn, link: VtnConnection, ground: Ground, level: int, count: int
) -> None:
    server.put_event(body(ground, level=level))
    ask(link, ground)
    assert Dispatch.objects.count() == count


@BOTH
@pytest.mark.parametrize(
    ("targets", "meant"), [(None, 1), (["west"], 1), (["north"], 1), (["hashinsight"], 1), (["east"], 0)]
)
def test_targets_say_who_is_meant(
    server: dispatch_simulator.Vtn, link: VtnConnection, ground: Ground, targets: Any, meant: int
) -> None:
    if targets and not server.newer:
        targets = [{"type": "GROUP", "values": targets}]
    server.put_event(body(ground, targets=targets))
    ask(link, ground)
    assert Dispatch.objects.count() == meant


def test_programs_may_be_chosen(server: dispatch_simulator.Vtn, link: VtnConnection, ground: Ground) -> None:
    other = server.add_program("Other")
    server.put_event({**body(ground), "programID": other})
    VtnConnection.objects.update(programs="Peak")
    assert ask(link, ground) == Polled()
    VtnConnection.objects.update(programs=f"Peak\n{other}")
    assert ask(link, ground).messages == 1


def test_a_changed_event_changes_the_dispatch(
    server: dispatch_simulator.Vtn, link: VtnConnection, ground: Ground
) -> None:
    event = server.put_event(body(ground))
    ask(link, ground)
    step(ground, 2)
    server.put_event(body(ground, -2, "PT10M", level=1), event)
    assert ask(link, ground).messages == 1
    row = Dispatch.objects.get()
    assert (row.kw, row.ends_at, row.revision) == (Decimal("4.62"), ground.now + timedelta(minutes=8), 2)
    step(ground, 3)
    assert ground.farm.off == 2
    step(ground, 9)
    assert ground.farm.off == 0


@BOTH
@pytest.mark.parametrize("way", ["deleted", "emptied", "level 0"])
def test_a_cancelled_event(server: dispatch_simulator.Vtn, link: VtnConnection, ground: Ground, way: str) -> None:
    event = server.put_event(body(ground))
    ask(link, ground)
    step(ground, 2)
    assert ground.farm.off == 4
    if way == "deleted":
        server.delete_event(event)
    elif way == "emptied":
        server.put_event(body(ground, start="0001-01-01", length="PT0S"), event)
    else:
        server.put_event(body(ground, level=0), event)
    found = ask(link, ground)
    assert found.cancelled + found.messages == 1
    assert Dispatch.objects.get().state == DispatchState.CANCELLED
    step(ground, 3)
    assert ground.farm.off == 0
    assert ask(link, ground).cancelled == 0


def test_half_an_answer_cancels_nothing(server: dispatch_simulator.Vtn, link: VtnConnection, ground: Ground) -> None:
    server.put_event(body(ground))
    ask(link, ground)
    step(ground, 2)
    server.trouble.no_events = True
    assert ask(link, ground).cancelled == 0
    for trouble in (500, 403, 404, 429):
        server.trouble.status = trouble
        assert ask(link, ground).troubles
    step(ground, 2)
    assert (Dispatch.objects.get().state, ground.farm.off) == (DispatchState.RUNNING, 4)


def test_intervals_of_different_levels_are_dispatches_one_after_the_other(
    server: dispatch_simulator.Vtn, link: VtnConnection, ground: Ground
) -> None:
    rows = [{"id": n, "payloads": [{"type": "SIMPLE", "values": [level]}]} for n, level in enumerate((1, 3, 3))]
    event = server.put_event({**body(ground, length="PT10M"), "intervals": rows})
    assert ask(link, ground).messages == 2
    first, second = Dispatch.objects.order_by("starts_at")
    assert (first.reference, second.reference, second.event_interval) == (event, f"{event}.2", 1)
    step(ground, 5)
    assert ground.farm.off == 2
    step(ground, 8)
    assert ground.farm.off == 4
    server.put_event({**body(ground, -13, length="PT30M"), "intervals": rows[:1]}, event)
    ask(link, ground)
    assert sorted(Dispatch.objects.values_list("state", flat=True)) == ["ended", "running"]
    assert Dispatch.objects.get(state="running").ends_at == ground.now + timedelta(minutes=17)
    step(ground, 3)
    assert ground.farm.off == 2


def test_an_event_without_an_end_runs_until_it_is_deleted(
    server: dispatch_simulator.Vtn, link: VtnConnection, ground: Ground
) -> None:
    event = server.put_event(body(ground, start="0001-01-01", length="P9999Y"))
    ask(link, ground)
    row = Dispatch.objects.get()
    assert (row.is_open_ended, row.starts_at, row.ends_at) == (True, ground.now, None)
    step(ground, 40)
    ask(link, ground)
    assert (Dispatch.objects.get().starts_at, ground.farm.off) == (row.starts_at, 4)
    server.delete_event(event)
    ask(link, ground)
    step(ground, 2)
    assert ground.farm.off == 0


def test_a_test_is_only_written_down(server: dispatch_simulator.Vtn, link: VtnConnection, ground: Ground) -> None:
    server.put_event(body(ground, eventName="Monthly TEST of the peak"))
    server.put_event(body(ground, eventName="Contest"))
    ask(link, ground)
    assert sorted(Dispatch.objects.values_list("state", flat=True)) == ["logged", "running"]


def test_two_servers_may_give_the_same_id_to_different_events(
    server: dispatch_simulator.Vtn, link: VtnConnection, ground: Ground
) -> None:
    event = server.put_event(body(ground))
    ask(link, ground)
    with dispatch_simulator.Vtn() as second:
        second.add_program("Peak")
        other = VtnConnection(
            name="Second", programme=link.programme, base_url=second.url, client_id=second.client_id, ven_name="h",
            created_at=ground.now,
        )  # fmt: skip
        other.conceal_client_secret(second.client_secret)
        other.save()
        VtnResource.objects.create(connection=other, site=ground.site, name="west")
        assert second.put_event(body(ground, level=1)) == event
        ask(other, ground)
        second.delete_event(event)
        ask(other, ground)
    states = Dispatch.objects.order_by("pk").values_list("reference", "connection__name", "state")
    assert list(states) == [(event, "Grid", "running"), (f"{event}.2", "Second", "cancelled")]


def test_what_is_not_understood_is_said_and_stops_nothing(
    server: dispatch_simulator.Vtn, link: VtnConnection, ground: Ground
) -> None:
    event = server.put_event(body(ground))
    ask(link, ground)
    server.put_event({**body(ground), "intervals": "many"}, event)
    server.put_event(body(ground, 1, level=2))
    found = ask(link, ground)
    assert (found.messages, len(found.troubles)) == (1, 1)
    assert "intervals is no list" in link.error
    assert Dispatch.objects.get(reference=event).state == DispatchState.RUNNING, "it holds as it was"
    assert link.failures == 0


def test_a_refusal_is_kept_once(server: dispatch_simulator.Vtn, link: VtnConnection, ground: Ground) -> None:
    Programme.objects.update(allows_open_ended=False)
    server.put_event(body(ground, length=None))
    for _ in range(3):
        ask(link, ground)
    assert DispatchMessage.objects.get().code == "open_ended"
    assert [one.title for one in dispatch_watch.turned_away(ground.now)] == ["A message of ERS was refused"]


# --- a server that is silent --------------------------------------------------------------------------------------
def test_after_failures_we_wait_longer_and_longer(
    server: dispatch_simulator.Vtn, link: VtnConnection, ground: Ground
) -> None:
    ask(link, ground)
    server.trouble.silent = True
    waits = []
    for _ in range(8):
        ask(link, ground)
        assert link.not_before is not None
        waits.append((link.not_before - ground.now).total_seconds())
        assert openadr.due(ground.now) == []
        ground.now = link.not_before
        assert openadr.due(ground.now) == [link]
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]
    server.trouble.silent, server.trouble.status, server.trouble.retry_after = False, 503, "1800"
    ask(link, ground)
    assert link.not_before == ground.now + timedelta(minutes=30)
    server.trouble.status = 0
    ask(link, ground)
    assert (link.failures, link.not_before, link.failing_since) == (0, None, None)


def test_somebody_is_told_of_a_silent_server_and_of_a_wrong_clock(
    server: dispatch_simulator.Vtn, link: VtnConnection, ground: Ground
) -> None:
    with time_machine.travel(ground.now, tick=False):
        ask(link, ground)
        assert list(dispatch_watch.silent_servers(ground.now + timedelta(minutes=5))) == []
        (found,) = dispatch_watch.silent_servers(ground.now + timedelta(minutes=5, seconds=1))
        assert found.title == "Grid does not answer"
        assert list(dispatch_watch.wrong_clocks(ground.now)) == []
        server.trouble.clock_ahead = timedelta(minutes=3)
        ask(link, ground)
    assert link.clock_offset_s == 180
    (skewed,) = dispatch_watch.wrong_clocks(ground.now)
    assert "180 s ahead" in skewed.text


def test_what_a_silent_server_called_without_an_end_holds_as_long_as_stale_data_may(
    server: dispatch_simulator.Vtn, link: VtnConnection, ground: Ground
) -> None:
    """Machines of our own: 60 minutes."""
    server.put_event(body(ground, start="0001-01-01", length="P9999Y"))
    ask(link, ground)
    heard = ground.now
    step(ground, 3)
    assert ground.farm.off == 4
    step_silent(ground, 8)
    row = Dispatch.objects.get()
    assert (row.stale_since, row.state) == (heard, DispatchState.RUNNING)
    assert ground.farm.off == 4
    step_silent(ground, 55)
    assert ground.farm.off == 0, "an hour after the server was last heard"
    ask(link, ground)
    step_silent(ground, 2)
    assert Dispatch.objects.get().stale_since is None
    assert ground.farm.off == 4


def step_silent(ground: Ground, count: int) -> None:
    """Time goes by as the periodic job has it."""
    for _ in range(count):
        openadr.hold_what_is_stale(ground.now + timedelta(minutes=1))
        step(ground)


def test_one_poll_at_a_time(link: VtnConnection, ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Any] = []
    real = openadr._asked

    def asked(*args: Any) -> Any:
        found.append(openadr.poll(VtnConnection.objects.get(), clock=ground.clock))
        return real(*args)

    monkeypatch.setattr(openadr, "_asked", asked)
    ask(link, ground)
    assert found == [None]


# --- tasks --------------------------------------------------------------------------------------------------------
def test_nothing_is_asked_while_a_restored_database_is_held(
    server: dispatch_simulator.Vtn, link: VtnConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tasks.poll_vtn(connection_id=link.pk) is not None
    server.asked.clear()
    monkeypatch.setattr(tasks, "may_act", lambda: False)
    assert tasks.poll_vtn(connection_id=link.pk) is None
    assert server.asked == []
