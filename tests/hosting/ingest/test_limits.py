"""Limits of power as devices say and pass them on: in batches, in questions for leases, and by the collector itself."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from hosting.clients.adapter import Outcome, ReadResult, SwitchResult, Target
from hosting.clients.edge_collector import EdgeCollector
from hosting.clients.edge_server import ServerAway, ServerRefused
from hosting.clients.edge_store import EdgeStore
from hosting.clients.lease_file import LeaseFile, boot_clock
from hosting.clients.own import limit_of
from hosting.domain.lease_keys import public_keys
from hosting.engine.ingest.columns import FIGURES
from hosting.engine.ingest.wire import MEDIA_TYPE, read_columns, without_limits, write_columns
from hosting.engine.leasing.document import FORMS
from hosting.engine.leasing.keeping import decide
from hosting.engine.machines.reading import MiningState, Reading
from hosting.models import EdgeLease, LeaseKey, Miner, MinerLatest, QuarantinedReading, Telemetry
from tests.hosting.engine.test_leasing import SERVER, with_lease
from tests.hosting.engine.test_levels import levels
from tests.hosting.ingest.conftest import Doors
from tests.hosting.ingest.test_edge import columns_body, reading
from tests.hosting.ingest.test_lease_holder import Server, holder_of

Placed = Callable[..., list[Miner]]
OWN, LOW = 3600, 2100


# --- batches ----------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("form", ["json", "columns"])
def test_a_limit_is_stored_as_it_was_said_and_stays_unknown_where_nobody_said_it(
    placed: Placed, doors: Doors, form: str
) -> None:
    one, other = placed(2)
    now = timezone.now()
    if form == "json":
        said = [reading(one, now, power_target_w=OWN), reading(other, now)]
        answer = doors.send("batches", {"batch_id": "1", "readings": said})
    else:
        body = columns_body("1", [one, other], now, power_target_w=float(OWN))
        whole = read_columns(body)
        whole.columns.figures["power_target_w"] = np.array([OWN, np.nan])
        body = write_columns("1", whole.names, whole.at_name, whole.columns)
        answer = doors.send("batches", body, kind=MEDIA_TYPE)
    assert (answer.status_code, answer.json()["stored"], answer.json()["quarantined"]) == (201, 2, 0)
    for model in (Telemetry, MinerLatest):
        rows: Any = model
        assert dict(rows.objects.values_list("miner_id", "power_target_w")) == {one.pk: float(OWN), other.pk: None}


@pytest.mark.django_db
def test_a_limit_of_zero_is_none_and_costs_nothing_else(placed: Placed, doors: Doors) -> None:
    (one,) = placed(1)
    answer = doors.send("batches", {"batch_id": "1", "readings": [reading(one, timezone.now(), power_target_w=0)]})
    assert answer.json()["stored"] == 1
    row = Telemetry.objects.get()
    assert (row.power_target_w, row.power_w) == (None, 3500.0)
    assert QuarantinedReading.objects.get().figure == "power_target_w"


def test_a_batch_is_written_as_older_servers_took_it() -> None:
    body = columns_body("7", [], timezone.now(), power_target_w=1.0)
    plain = without_limits(body)
    assert plain is not None
    assert set(read_columns(plain).columns.figures) == set(read_columns(body).columns.figures) - {"power_target_w"}
    assert (read_columns(plain).batch_id, without_limits(plain), without_limits(b"{}")) == ("7", None, None)


# --- the collector ----------------------------------------------------------------------------------------------------
class Lan:
    """Machines that say a limit when they are asked for it."""

    name = "lan"

    def __init__(self, dialect: str = "luxos") -> None:
        self.dialect = dialect
        self.limit_w = dict.fromkeys(("m0", "m1", "m2", "m3"), OWN)
        self.asked: list[tuple[str, bool]] = []
        self.told: list[tuple[str, float]] = []
        self.on_command: Callable[[], None] = lambda: None

    async def read(self, target: Target, **_limits: Any) -> ReadResult:
        self.asked.append((target.key, target.asks_limit))
        watts = float(self.limit_w.get(target.key, OWN)) if target.asks_limit else None
        said = Reading(dialect=self.dialect, known=True, state=MiningState.MINING, power_w=3.0, power_target_w=watts)
        return ReadResult(target, reading=said)

    async def set_power_target(self, target: Target, watts: float, **_limits: Any) -> SwitchResult:
        self.on_command()
        self.told.append((target.key, watts))
        self.limit_w[target.key] = int(watts)
        return SwitchResult(target, Outcome.ACCEPTED, sent=True)


class OldServer:
    """Knows no limits: it refuses a batch that has them, as servers did."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.pushed: list[set[str]] = []

    def machines(self) -> Any:
        return {"interval_s": 60, "machines": [{"id": "a", "address": "10.0.0.1", "port": 4028, "credentials": None}]}

    def meters(self) -> Any:
        return {"meters": []}

    def push(self, body: bytes) -> Any:
        self.pushed.append(set(read_columns(body).columns.figures))
        if "power_target_w" in self.pushed[-1]:
            raise ServerRefused(400, self.code, "no")
        return {"stored": 1, "duplicates": 0, "quarantined": 0}


@pytest.mark.parametrize("code", ["unknown_column", "malformed_columns"])
def test_an_older_server_is_handed_the_rest_and_nothing_is_lost(code: str, tmp_path: Path) -> None:
    server: Any = OldServer(code)
    store = EdgeStore(tmp_path / "w.sqlite3", most_bytes=10_000_000)
    lan: Any = Lan()
    collector = EdgeCollector(server, store, lan, lambda _line: None)
    asyncio.run(collector.run(once=True))
    assert server.pushed == [set(FIGURES), set(FIGURES) - {"power_target_w"}]
    assert store.waiting() == 0
    store.close()


def test_the_collector_asks_for_limits_now_and_then_and_tells_those_that_can_be_set(tmp_path: Path) -> None:
    for dialect, said in (("luxos", [OWN, None]), ("avalon", [None, None])):
        lan: Any = Lan(dialect)
        server: Any = OldServer("")
        store = EdgeStore(tmp_path / f"{dialect}.sqlite3", most_bytes=10_000_000)
        collector = EdgeCollector(server, store, lan, lambda _line: None)
        bodies = []
        for _ in range(2):
            asyncio.run(collector._read())
            waiting = store.oldest()
            assert waiting is not None
            figures = read_columns(waiting.body).columns.figures["power_target_w"]
            bodies.append(None if np.isnan(figures[0]) else int(figures[0]))
            store.done(waiting.number)
        assert ([asked for _key, asked in lan.asked], bodies) == ([True, False], said)
        store.close()


def test_what_a_machine_has_is_rounded_up_and_what_it_would_not_take_is_none() -> None:
    said = Reading(dialect="luxos", known=True, power_target_w=3599.2)
    assert limit_of(said) == 3600
    assert limit_of(replace(said, power_target_w=None)) is None
    assert limit_of(replace(said, power_target_w=0.0)) is None
    assert limit_of(replace(said, dialect="avalon")) is None


# --- the holder of the lease ------------------------------------------------------------------------------------------
def throttling(at: float, **changes: Any) -> Any:
    order = [[1, 0, "limit", SERVER, SERVER + 10_000, LOW]]
    return with_lease(at=at, orders=[], step_s=1, levels=levels(order, [], [0, 1]), **changes)


def test_on_the_disk_before_it_is_sent_and_given_back_alone(tmp_path: Path) -> None:
    lan: Any = Lan()
    holder = holder_of(tmp_path, Server(ServerAway("nobody")), lan, throttling(boot_clock() - 0.5))
    holder.begin()
    asyncio.run(holder._read(list(holder.memory.lease.machines.values())))  # type: ignore[union-attr]
    assert dict(lan.asked) == {"m0": True, "m1": True, "m2": False, "m3": False}, "of no others"
    kept: list[Any] = []
    lan.on_command = lambda: kept.append(LeaseFile(tmp_path).load()[0].low["m0"].before_w)
    assert asyncio.run(holder.act()) == 1
    assert (kept, lan.told) == ([OWN], [("m0", float(LOW))])
    holder.memory.ends_at = boot_clock() - 1
    asyncio.run(holder._read(holder._due(holder.clock())))
    assert asyncio.run(holder.act()) == 1
    assert (kept, lan.told[1]) == ([OWN, OWN], ("m0", float(OWN)))


def test_a_refused_device_waits_until_limits_are_given_back(tmp_path: Path) -> None:
    lan: Any = Lan()
    memory = with_lease(at=boot_clock() - 61, orders=[], step_s=1, levels=levels(low=[(0, LOW, OWN)]))
    lan.limit_w["m0"] = LOW
    store = EdgeStore(tmp_path / "w.sqlite3", most_bytes=10_000_000)
    server: Any = Server(ServerRefused(401, "invalid_token", "no"))
    holder = holder_of(tmp_path, server, lan, memory)
    collector = EdgeCollector(server, store, lan, lambda _line: None, holder=holder)
    with pytest.raises(BaseExceptionGroup):
        asyncio.run(asyncio.wait_for(collector.run(), 20))
    assert (lan.told, holder.memory.low) == ([("m0", float(OWN))], {})


def test_a_newer_lease_stops_a_lift_that_was_about_to_be_sent(tmp_path: Path) -> None:
    lan: Any = Lan()
    holder = holder_of(tmp_path, Server(ServerAway("nobody")), lan, throttling(boot_clock() - 0.5))
    holder.begin()
    asyncio.run(holder._read(list(holder.memory.lease.machines.values())))  # type: ignore[union-attr]
    asyncio.run(holder.act())
    holder.memory.ends_at = boot_clock() - 1
    asyncio.run(holder._read(holder._due(holder.clock())))
    decision = decide(holder.memory, {name: one.sight for name, one in holder.heard.items()}, now=holder.clock())
    assert len(decision.commands) == 1
    holder.memory = with_lease(decision.memory, at=boot_clock(), orders=[], levels=levels(low=[(0, LOW, OWN)]),
                               counter=9)  # fmt: skip
    asyncio.run(holder._send(decision))
    assert lan.told == [("m0", float(LOW))], "it is the server's again"


def test_an_older_server_is_asked_as_it_knows_it_and_told_of_limits_again_later(tmp_path: Path) -> None:
    server = Server(ServerRefused(400, "validation_error", "This field is not known here"))
    holder = holder_of(tmp_path, server, Lan(), throttling(boot_clock()))
    holder.begin()
    asyncio.run(holder._read(list(holder.memory.lease.machines.values())))  # type: ignore[union-attr]
    question = holder._question("c", boot_clock())[0]
    assert (question["forms"], question["seen"]["limit_w"], question["seen"]["had_w"]) == (
        list(FORMS), [OWN, OWN, None, None], [None] * 4
    )  # fmt: skip
    assert asyncio.run(holder._ask(0.0)) == 1.0, "at once: a lease is waiting"
    plain = holder._question("c", boot_clock())[0]
    assert "forms" not in plain
    assert set(plain["seen"]) == {"machines", "age_s", "state", "power_w", "chip_c", "inlet_c"}
    assert asyncio.run(holder._ask(0.0)) == 60.0
    real = holder.clock
    holder.clock = lambda: real() + 601
    assert "forms" in holder._question("c", holder.clock())[0]


# --- the door ---------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_device_says_at_the_door_that_it_passes_limits_on(placed: Placed, doors: Doors) -> None:
    (one,) = placed(1)
    assert public_keys()
    seen = {"machines": [str(one.public_id)], "age_s": [1.0], "state": ["mining"], "power_w": [3400.0],
            "chip_c": [60.0], "inlet_c": [None]}  # fmt: skip
    asked: dict[str, Any] = {"challenge": "a" * 32, "keys": [LeaseKey.objects.get().name], "seen": seen}
    assert doors.send("lease", asked).status_code == 200
    lease = EdgeLease.objects.get()
    assert (lease.takes_limits, lease.seen["limit_w"], lease.seen["had_w"]) == (False, [None], [None])
    more = {**asked, "forms": list(FORMS), "seen": {**seen, "limit_w": [OWN], "had_w": [None]}}
    assert doors.send("lease", more).status_code == 200
    lease = EdgeLease.objects.get()
    assert (lease.takes_limits, lease.seen["limit_w"]) == (True, [OWN])
    for wrong in ({"limit_w": [0], "had_w": [None]}, {"limit_w": [OWN, OWN], "had_w": [None]}, {"had_w": [-1]}):
        assert doors.send("lease", {**more, "seen": {**seen, **wrong}}).status_code == 400
    assert doors.send("lease", {**asked, "forms": list(FORMS[:1])}).status_code == 200
    assert not EdgeLease.objects.get().takes_limits
