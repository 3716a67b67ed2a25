"""The machines of the demo stand for simulated ones that answer, and have a day behind them."""

import asyncio
import socket
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from django.utils import timezone

from hashinsight.demo import options, simulated
from hashinsight.demo.readings import tell_readings
from hashinsight.devtools import product
from hosting.clients.adapter import Target
from hosting.clients.machines import Machines
from hosting.domain.rollups import reckon_five_minutes
from hosting.models import Miner, MinerLatest, Telemetry, TelemetryFiveMinutes
from hosting.simulator.process import start_fleet


def test_each_machine_says_it_is_the_model_we_think(demo: Path) -> None:
    fleet = simulated.simulated_fleet()
    for miner in Miner.objects.select_related("model"):
        machine = fleet.at(str(miner.address))
        assert machine is not None
        assert miner.model is not None
        assert miner.model.name == simulated.MODELS[machine.kind.key]
        assert miner.port == simulated.PORT
        assert float(miner.model.hashrate_ths) == pytest.approx(machine.kind.rated_ths, rel=0.04)


def test_the_process_beside_the_product_answers_for_them(demo: Path) -> None:
    port = simulated.PORT + 1  # a demo may be running on this computer
    arguments = simulated.simulator_arguments()
    arguments[arguments.index("--port") + 1] = str(port)
    miners = list(Miner.objects.order_by("pk")[:5])
    with start_fleet(arguments):
        adapter = Machines()
        for miner in miners:
            answer = asyncio.run(adapter.read(Target(str(miner.address), port)))
            assert answer.reading is not None
            assert answer.reading.hashrate_ths == pytest.approx(float(miner.model.hashrate_ths), rel=0.2)  # type: ignore[union-attr]


def test_hours_of_readings_are_told_minute_by_minute_once(demo: Path) -> None:
    miners = list(Miner.objects.select_related("model").order_by("pk")[:40])
    at = timezone.now()
    assert tell_readings(miners, at=at, hours=2, seed=1) == 40 * 120
    assert tell_readings(miners, at=at, hours=2, seed=1) == 0
    of_one = Telemetry.objects.filter(miner_id=miners[0].pk).order_by("recorded_at")
    moments = list(of_one.values_list("recorded_at", flat=True))
    assert {later - earlier for earlier, later in pairwise(moments)} == {timedelta(minutes=1)}
    assert MinerLatest.objects.filter(miner__in=miners, customer_id__isnull=False).count() == 40
    while reckon_five_minutes(at=at + timedelta(hours=1)).more:
        pass
    fives = TelemetryFiveMinutes.objects.filter(miner_id=miners[0].pk)
    assert fives.count() >= 24
    assert max(row.samples for row in fives) == 5


def test_whoever_starts_the_product_gets_a_day(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []
    monkeypatch.setattr(options, "build_demo", lambda wish, **rest: asked.append(wish))
    options.build_from({"sample": None, "credentials": tmp_path / "c.json"}, print)
    assert asked[0].hours == 24


def test_a_port_that_is_taken_is_seen() -> None:
    with socket.socket() as taken:
        taken.bind(("127.77.0.9", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not product.is_free(port)
    assert product.is_free(port)
    assert simulated.PORT == product.FLEET_PORT
