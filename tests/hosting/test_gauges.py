"""Figures of the fleet for Prometheus, and the board that draws them."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from accounts.models import User
from hashinsight.health import metrics
from hosting.domain import fleet, tickets
from hosting.domain.fleet import Spot
from hosting.models import Miner, MinerLatest, Zone

BOARD = Path(__file__).parents[2] / "deploy" / "grafana" / "fleet.json"
Machines = Callable[..., list[Miner]]


def figures() -> dict[str, float]:
    """What Prometheus reads: name with labels, and the figure."""
    lines = [line for line in metrics.text().decode().splitlines() if not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_machines_and_their_newest_readings_are_counted(
    zone: Zone, machines: Machines, root: User, now: timezone.datetime
) -> None:
    made = machines(3)
    fleet.place_miners(made, spot=Spot(zone.site, zone), by=root, at=now)
    at = timezone.now()
    for miner, age, state in ((made[0], 60, 1), (made[1], 120, 6), (made[2], 3600, 1)):
        MinerLatest.objects.create(
            miner=miner, recorded_at=at - timedelta(seconds=age), received_at=at, state=state,
            hashrate_ths=200 if state == 1 else None, power_w=3500 if state == 1 else None,
        )  # fmt: skip
    tickets.open_ticket(subject="x", priority="urgent", by=root, at=at - timedelta(days=2))
    found = figures()
    assert found['hashinsight_miners{health="unknown",intent="paused",site="Odessa"}'] == 3
    assert found['hashinsight_site_hashrate_ths{site="Odessa"}'] == 200  # an hour old is not now
    assert found['hashinsight_site_power_watts{site="Odessa"}'] == 3500
    assert found['hashinsight_site_miners_read{site="Odessa"}'] == 2
    assert found['hashinsight_site_miners_answering{site="Odessa"}'] == 1
    assert found['hashinsight_site_newest_reading_seconds{site="Odessa"}'] == pytest.approx(60, abs=30)
    assert found['hashinsight_tickets_late{priority="urgent"}'] == 1


@pytest.mark.django_db
def test_every_figure_the_board_draws_is_one_of_ours() -> None:
    board = json.loads(BOARD.read_text(encoding="utf-8"))
    drawn = {
        name
        for panel in board["panels"]
        for target in panel["targets"]
        for name in re.findall(r"hashinsight_\w+", target["expr"])
    }
    known = set(re.findall(r"^# TYPE (hashinsight_\w+) gauge", metrics.text().decode(), re.M))
    assert drawn <= known, drawn - known
    assert len(drawn) >= 10
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in board["panels"]]
    assert len(set(places)) == len(places) == len({p["id"] for p in board["panels"]})
