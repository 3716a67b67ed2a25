"""Seconds for one poll of 6,000 simulated machines, read and stored, with the simulator on the same two cores.

Ours is ``collect_site`` as the worker runs it: who is to be read, the questions, the rows in the series. Before it the
dialects were found once, as on any day but the first. Beside it the same with five of a hundred machines hanging or
sending garbage, which may cost their timeout; and a bare asyncio client that asks each machine one question and throws
the answer away, as what this machine can do at all.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import django

from tests.bench._database import fresh_copy

ROOT = Path(__file__).resolve().parents[2]
MACHINES, PORT, MOST_S = 6_000, 27028, 10.0
NETWORK = "127.78.0.0/16"
AT_ONCE = 500


def main() -> int:
    """Measure in a database of its own; an argument is another number of machines."""
    command = [sys.executable, "-m", "tests.bench.poll", "measure", *sys.argv[1:]]
    subprocess.run(command, env=fresh_copy("bench_poll"), cwd=ROOT, check=True)
    return 0


def measure(count: int) -> int:
    """Measure, print and write ``poll.json``."""
    if os.cpu_count() and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    django.setup()
    from hosting.engine.simulation.fleet import Fleet, FleetPlan, IPv4Network
    from hosting.simulator import start_fleet

    addresses = Fleet(FleetPlan(count, 3, IPv4Network(NETWORK))).addresses()
    site = _site(addresses)
    fleet = ["--miners", str(count), "--seed", "3", "--network", NETWORK, "--port", str(PORT)]
    with start_fleet(fleet):
        first = _poll(site, 0)
        ours = _poll(site, 1)
        bare = asyncio.run(_bare(addresses))
    with start_fleet([*fleet, "--faults", "hang=2.5%,garbage=2.5%"]):
        faulty = _poll(site, 2)
    _report(count, first, ours, bare, faulty)
    return 0


def _site(addresses: list[str]) -> Any:
    """The machines, written by the domain."""
    from django.db import connection

    from accounts.models import User
    from hosting.domain import fleet, places
    from hosting.domain.fleet import Spot
    from hosting.models import Miner, MinerModel, Site

    name = f"Bench {len(addresses)}"
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM hosting_minercontact")
    if site := Site.objects.filter(name=name).first():
        return site
    now = datetime.now(UTC)
    by = User.objects.filter(is_superuser=True).first() or User.objects.create_superuser("bench@example.test", "x")
    site = places.create_site(
        name=name, capacity_kw=Decimal(10**6), time_zone="UTC", currency="USD", collection_interval_s=60, at=now
    )
    model, _made = MinerModel.objects.get_or_create(
        name="Bench", defaults={"manufacturer": "Bench", "hashrate_ths": Decimal(100), "power_w": Decimal(3000)}
    )
    rows = [
        Miner(serial=f"B{len(addresses)}-{number}", model=model, address=address, port=PORT)
        for number, address in enumerate(addresses)
    ]
    made = fleet.register_miners(rows, by=by, at=now)
    fleet.place_miners(made, spot=Spot(site), by=by, at=now)
    return site


def _poll(site: Any, number: int) -> tuple[float, Any]:
    from hosting.domain.collection import collect_site, period_of

    _forget(site)
    time.sleep(1.1)  # readings are of whole seconds: the poll before shall share none
    begun = time.monotonic()
    collected = collect_site(site, period_start=period_of(site, datetime.now(UTC)), clock=lambda: datetime.now(UTC))
    taken = time.monotonic() - begun
    assert collected is not None, f"poll {number} found another one at work"
    return taken, collected


def _forget(site: Any) -> None:
    """As if the period had just begun."""
    from django.db import connection

    from hosting.domain.collection import job_of

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM jobs_jobrun WHERE job = %s", [job_of(site)])
        cursor.execute("DELETE FROM hosting_minerlatest")


async def _bare(addresses: list[str]) -> float:
    gate = asyncio.Semaphore(AT_ONCE)

    async def ask(address: str) -> int:
        async with gate:
            reader, writer = await asyncio.open_connection(address, PORT)
            writer.write(b'{"command":"summary"}')
            said = await reader.read()
            writer.close()
            return len(said)

    begun = time.monotonic()
    await asyncio.gather(*(ask(address) for address in addresses))
    return time.monotonic() - begun


def _report(count: int, first: Any, ours: Any, bare: float, faulty: Any) -> None:
    rows = [
        {"name": f"one poll of {count:,} machines", "value": round(ours[0], 2), "unit": "s", "limit": round(bare, 2),
         "ratio": round(ours[0] / bare, 2), "allowed": MOST_S, "stored": ours[1].stored, "silent": ours[1].silent},
        {"name": "the first one, which finds the dialects", "value": round(first[0], 2), "unit": "s",
         "stored": first[1].stored, "silent": first[1].silent},
        {"name": "5 % of them hanging or sending garbage", "value": round(faulty[0], 2), "unit": "s",
         "stored": faulty[1].stored, "silent": faulty[1].silent},
    ]  # fmt: skip
    for row in rows:
        print("  ".join(f"{name}={value}" for name, value in row.items()))
    folder = Path(os.environ["HASHINSIGHT_BENCH_DIR"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "poll.json").write_text(json.dumps({"bench": "poll", "results": rows}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    words = sys.argv[1:]
    sys.exit(measure(int(words[1]) if words[1:] else MACHINES) if words[:1] == ["measure"] else main())
