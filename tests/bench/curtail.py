"""20,000 simulated machines off and on again by the control, simulator on the same two cores, against the planned ramp.

A step is 60 s. Measured from approval until 95 % of the planned power are seen off, and from the end until everybody is
back; allowed is what the ramps need, and two steps. In the end a reader of its own asks every machine: none may be off.
Arguments: another number of machines, another step in seconds.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import ceil
from pathlib import Path
from typing import Any

import django

from tests.bench._database import fresh_copy

ROOT = Path(__file__).resolve().parents[2]
MACHINES, STEP_S, PORT = 20_000, 60, 27029
NETWORK = "127.77.0.0/16"
MAKES = "luxos:1"  # they take orders without a password
DOWN_STEPS, UP_STEPS = 3, 5
ENOUGH = Decimal("0.95")
AT_ONCE = 500


def main() -> int:
    """Measure in a database of its own."""
    command = [sys.executable, "-m", "tests.bench.curtail", "measure", *sys.argv[1:]]
    subprocess.run(command, env=fresh_copy("bench_curtail"), cwd=ROOT, check=True)
    return 0


def measure(count: int, step_s: int) -> int:
    """Measure, print and write ``curtail.json``."""
    if os.cpu_count() and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    django.setup()
    from hosting.engine.simulation.fleet import Fleet, FleetPlan, IPv4Network
    from hosting.simulator import start_fleet

    makes = {name: int(weight) for name, _, weight in (one.partition(":") for one in MAKES.split(","))}
    addresses = Fleet(FleetPlan(count, 3, IPv4Network(NETWORK), makes)).addresses()
    fleet = ["--miners", str(count), "--seed", "3", "--network", NETWORK, "--port", str(PORT), "--makes", MAKES]
    with start_fleet(fleet):
        time.sleep(5)
        _report(count, step_s, _whole_story(addresses, step_s))
    return 0


def _whole_story(addresses: list[str], step_s: int) -> dict[str, Any]:
    from curtailment.domain import plans
    from hashinsight.common.models import Incarnation

    Incarnation.objects.all().delete()  # a copied database is held like a restored one
    site, people = _site(addresses, step_s)
    now = datetime.now(UTC)
    begun = time.monotonic()
    plan = plans.create_plan(
        site=site, by=people[0], at=now, cause="dispatch", reason="Bench", goal="to", goal_kw=Decimal(0),
        selection="efficiency", starts_at=now, ends_at=now + timedelta(hours=3),
    )  # fmt: skip
    plan = plans.approve_plan(plan, by=people[1], at=datetime.now(UTC))
    approved = time.monotonic()
    ticks: list[float] = []
    off_after = _control(site, plan, ticks, lambda row: row.measured_kw >= row.target_kw * ENOUGH, approved, 60)
    _control(site, plan, ticks, lambda row: row.status == "executed", approved, 60)
    plans.end_plan(plan.reload(), by=people[0], at=datetime.now(UTC), reason="over")
    ended = time.monotonic()
    back_after = _control(site, plan, ticks, lambda row: row.status == "recovered", ended, 60)
    left_off = sum(one is False for one in asyncio.run(_runs(addresses)))
    return {
        "approval_s": approved - begun, "off_s": off_after, "back_s": back_after, "left_off": left_off,
        "ticks": ticks, "affected": plan.reload().miners_affected,
    }  # fmt: skip


def _site(addresses: list[str], step_s: int) -> tuple[Any, list[Any]]:
    """The machines, written by the domain, with ramps of three steps down and five up."""
    from accounts.models import User
    from curtailment.models import SiteControl
    from hosting.domain import fleet, partitions, places
    from hosting.domain.fleet import Spot
    from hosting.models import Miner, MinerModel

    now = datetime.now(UTC)
    partitions.ensure_partitions(at=now)
    people = [User.objects.create_superuser(f"bench{number}-{now:%H%M%S}@example.test", "x") for number in range(2)]
    site = places.create_site(
        name=f"Bench {now:%H%M%S}", capacity_kw=Decimal(10**6), time_zone="UTC", currency="USD",
        collection_interval_s=3600, at=now,
    )  # fmt: skip
    model, _made = MinerModel.objects.get_or_create(
        name="Bench", defaults={"manufacturer": "Bench", "hashrate_ths": Decimal(100), "power_w": Decimal(3300)}
    )
    rows = [
        Miner(serial=f"C{now:%H%M%S}-{number}", model=model, address=address, port=PORT)
        for number, address in enumerate(addresses)
    ]
    made = fleet.register_miners(rows, by=people[0], at=now)
    fleet.place_miners(made, spot=Spot(site), by=people[0], at=now)
    fleet.set_intent(made, to="active", by=people[0], at=now)
    load_kw = Decimal("3.3") * len(addresses)
    minutes = Decimal(step_s) / 60
    SiteControl.objects.create(
        site=site, step_s=step_s, min_off_minutes=0, min_on_minutes=0, start_chip_c=120, start_inlet_c=80,
        ramp_down_kw=ceil(load_kw / DOWN_STEPS / minutes), ramp_up_kw=ceil(load_kw / UP_STEPS / minutes),
    )  # fmt: skip
    return site, people


def _control(site: Any, plan: Any, ticks: list[float], over: Any, since: float, most_ticks: int) -> float:
    """Tick as the worker does until the plan is so far; seconds since ``since``."""
    from curtailment.domain.control.site import control_site, sites_due

    for _n in range(most_ticks):
        while not sites_due(datetime.now(UTC)):
            time.sleep(0.2)
        begun = time.monotonic()
        control_site(site, clock=lambda: datetime.now(UTC))
        ticks.append(time.monotonic() - begun)
        now = plan.reload()
        print(f"... step {len(ticks)}: {ticks[-1]:.1f} s, {now.status}, {now.measured_kw:.0f} kW off", flush=True)
        if over(now):
            return time.monotonic() - since
    raise SystemExit(f"not there after {most_ticks} steps: {plan.reload().status}, {plan.reload().measured_kw} kW")


async def _runs(addresses: list[str]) -> list[bool | None]:
    """By a reader that knows nothing of the control: whether each machine runs or starts; None without an answer."""
    from hosting.clients.adapter import Target
    from hosting.clients.own import OwnAdapter
    from hosting.engine.machines.reading import MiningState

    gate, adapter = asyncio.Semaphore(AT_ONCE), OwnAdapter()

    async def ask(address: str) -> bool | None:
        async with gate:
            heard = await adapter.read(Target(address, port=PORT, key=address))
        if heard.reading is None:
            return None
        return heard.reading.state in (MiningState.MINING, MiningState.STARTING)

    return await asyncio.gather(*(ask(address) for address in addresses))


def _report(count: int, step_s: int, story: dict[str, Any]) -> None:
    down, up = (DOWN_STEPS + 2) * step_s, (UP_STEPS + 2) * step_s
    ticks = sorted(story["ticks"])
    rows = [
        {"name": f"95 % of {count:,} machines off after approval", "value": round(story["off_s"], 1), "unit": "s",
         "limit": DOWN_STEPS * step_s, "ratio": round(story["off_s"] / down, 2), "allowed": down},
        {"name": "everybody back after the end", "value": round(story["back_s"], 1), "unit": "s",
         "limit": UP_STEPS * step_s, "ratio": round(story["back_s"] / up, 2), "allowed": up},
        {"name": "left off", "value": story["left_off"], "unit": "machines", "allowed": 0,
         "affected": story["affected"]},
        {"name": "plan and approval", "value": round(story["approval_s"], 1), "unit": "s"},
        {"name": "a step's work, median and longest", "value": round(ticks[len(ticks) // 2], 1), "unit": "s",
         "longest": round(ticks[-1], 1), "steps": len(ticks), "allowed": step_s},
    ]  # fmt: skip
    for row in rows:
        print("  ".join(f"{name}={value}" for name, value in row.items()))
    folder = Path(os.environ["HASHINSIGHT_BENCH_DIR"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "curtail.json").write_text(json.dumps({"bench": "curtail", "results": rows}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    words = sys.argv[1:]
    if words[:1] != ["measure"]:
        sys.exit(main())
    sys.exit(measure(int(words[1]) if words[1:] else MACHINES, int(words[2]) if words[2:] else STEP_S))
