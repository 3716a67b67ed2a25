"""5,000 machines behind one edge device, off and on again by its lease: sizes, and what a step takes at either end.

The server's code and the device's in one process on a clock that is turned by hand; machines answer from memory, so
only our own work is measured, in processor time of this process and of the database. The limits: the device's own work
between two questions, and the answer, fit into the polling interval (a sixth of a step of 60 s); a step of the control
into a step. Argument: another number of machines.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import ceil
from pathlib import Path
from typing import Any

import django

from tests.bench._database import fresh_copy

ROOT = Path(__file__).resolve().parents[2]
MACHINES, STEP_S, POLL_S = 5_000, 60, 10
DOWN_STEPS, UP_STEPS, MOST_STEPS = 3, 5, 30


def main() -> int:
    """Measure in a database of its own."""
    command = [sys.executable, "-m", "tests.bench.leases", "measure", *sys.argv[1:2]]
    subprocess.run(command, env=fresh_copy("bench_leases"), cwd=ROOT, check=True)
    return 0


class Work:
    """Seconds of the processors by what they were spent on, each time."""

    def __init__(self) -> None:
        self.spent: dict[str, list[float]] = {}

    @contextmanager
    def on(self, what: str) -> Iterator[None]:
        """Count what happens inside."""
        before = _busy()
        yield
        self.spent.setdefault(what, []).append(_busy() - before)

    def counted(self, what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, counted."""

        def counting(*args: Any, **kwargs: Any) -> Any:
            with self.on(what):
                return function(*args, **kwargs)

        return counting


def _busy() -> float:
    """Asked inside of the device's event loop too, so the connection is not touched."""
    return time.process_time() + int(Path(f"/proc/{_backend[0]}/schedstat").read_text().split()[0]) / 1e9


_backend: list[int] = []


def measure(count: int) -> int:
    """All off, all back; print and write ``leases.json``."""
    django.setup()
    from django.db import connection

    from hashinsight.common.models import Incarnation

    Incarnation.objects.all().delete()  # a copied database is held like a restored one
    _backend.append(connection.connection.info.backend_pid)
    ground, people = _ground(count)
    work, sizes = Work(), {"question": 0, "lease": 0, "roster": 0}
    with tempfile.TemporaryDirectory() as folder:
        box = _box(ground, people[0], Path(folder) / "edge", work, sizes)
        off = _turns(ground, box, work, lambda: ground.farm.off == count, _plan(ground, people, count))
        back = _turns(ground, box, work, lambda: ground.farm.off == 0, _plan_ends(ground, people))
        sizes["file"] = max(path.stat().st_size for path in (Path(folder) / "edge").iterdir())
    _report(work, sizes, off, back)
    return 0


def _ground(count: int) -> tuple[Any, list[Any]]:
    from accounts.models import User
    from curtailment.models import SiteControl
    from hosting.domain import partitions
    from tests.curtailment.site import WATTS, make_ground

    now = datetime.now(UTC)
    partitions.ensure_partitions(at=now)
    people = [User.objects.create_superuser(f"bench{number}@example.test", "x") for number in range(2)]
    ground = make_ground(people[0], now, count=count, zones=10, capacity_kw=2 * count * WATTS // 1000)
    load_kw = Decimal(WATTS) / 1000 * count
    SiteControl.objects.update_or_create(
        site=ground.site,
        defaults={
            "step_s": STEP_S, "min_off_minutes": 0, "min_on_minutes": 0, "start_chip_c": 120, "start_inlet_c": 80,
            "ramp_down_kw": ceil(load_kw / DOWN_STEPS), "ramp_up_kw": ceil(load_kw / UP_STEPS),
        },
    )  # fmt: skip
    return ground, people


def _box(ground: Any, root: Any, folder: Path, work: Work, sizes: dict[str, int]) -> Any:
    """The device, its own parts counted."""
    from tests.curtailment.edge import box_at

    box = box_at(ground, root, folder)
    send = box.send

    def sent(body: dict[str, Any]) -> dict[str, Any]:
        with work.on("server: an answer"):
            answer: dict[str, Any] = send(body)
        sizes["question"] = max(sizes["question"], len(json.dumps(body)))
        for name in ("lease", "roster"):
            sizes[name] = max(sizes[name], len(answer[name] or ""))
        return answer

    box.send = sent
    holder = box.holder
    holder.file.keep = work.counted("device: keeping its memory", holder.file.keep)
    return box


def _plan(ground: Any, people: list[Any], count: int) -> Any:
    from curtailment.domain import plans
    from curtailment.enums import PlanStatus
    from tests.curtailment.site import WATTS

    plan = plans.create_plan(
        site=ground.site, by=people[0], at=ground.now, cause="price", reason="Bench", goal="by",
        goal_kw=Decimal(WATTS) / 1000 * count, selection="efficiency", starts_at=ground.now,
        ends_at=ground.now + timedelta(hours=3),
    )  # fmt: skip
    for person in people:
        if plan.reload().status == PlanStatus.PENDING:
            plans.approve_plan(plan, by=person, at=ground.now)
    return plan


def _plan_ends(ground: Any, people: list[Any]) -> None:
    from curtailment.domain import plans
    from curtailment.models import CurtailmentPlan

    plans.end_plan(CurtailmentPlan.objects.get(), by=people[0], at=ground.now, reason="over")


def _turns(ground: Any, box: Any, work: Work, is_over: Callable[[], bool], _begun: Any) -> int:
    """Steps of the control, each with what the device makes of it, until it is over; how many."""
    for number in range(1, MOST_STEPS + 1):
        with work.on("server: a step of the control"):
            ground.tick(STEP_S - 9)
        ground.now += timedelta(seconds=2)
        box.read()
        with work.on("both: a question, answered and taken"):
            box.ask()
        ground.now += timedelta(seconds=1)
        box.read()
        with work.on("device: deciding and sending"):
            box.act()
        with work.on("device: deciding, nothing to do"):
            box.act()
        ground.now += timedelta(seconds=6)
        box.read()
        box.ask()
        if is_over():
            return number
    raise SystemExit(f"not there after {MOST_STEPS} steps; {ground.farm.off} are off")


def _report(work: Work, sizes: dict[str, int], off: int, back: int) -> None:
    rows = [
        {"name": f"{what}, longest", "value": round(max(spent), 3), "unit": "s",
         "limit": STEP_S if "step" in what else POLL_S,
         "ratio": round(max(spent) / (STEP_S if "step" in what else POLL_S), 3)}
        for what, spent in sorted(work.spent.items())
    ]  # fmt: skip
    rows += [
        {"name": f"size of the {what}, largest", "value": size // 1024, "unit": "KiB", "limit": None, "ratio": None}
        for what, size in sizes.items()
    ]
    for what, steps, ramp in (("off", off, DOWN_STEPS), ("back", back, UP_STEPS)):
        rows.append({"name": f"all {what} after steps", "value": steps, "unit": "", "limit": ramp + 2,
                     "ratio": round(steps / (ramp + 2), 3)})  # fmt: skip
    for row in rows:
        sys.stdout.write(f"{row['name']:<55} {row['value']:>9} {row['unit']:<4} limit {row['limit']}\n")
    folder = Path(os.environ.get("HASHINSIGHT_BENCH_DIR", ROOT / "var" / "bench"))
    (folder / "leases.json").write_text(json.dumps({"bench": "leases", "results": rows}, indent=2) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        sys.exit(measure(int(sys.argv[2]) if len(sys.argv) > 2 else MACHINES))
    sys.exit(main())
